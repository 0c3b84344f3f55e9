"""Quizzes, answered with the keyboard in Chromium."""

import pytest
from conftest import BOOK

pytestmark = pytest.mark.pages

QUIZZES = sorted(BOOK.glob("course/quiz-*.html"))


@pytest.fixture(params=QUIZZES, ids=lambda path: path.stem)
def quiz(request, chromium):
    tab = chromium.new_page(viewport={"width": 1280, "height": 900})
    tab.goto(request.param.as_uri())
    tab.wait_for_selector("html[data-quizzes=ready]")
    yield tab
    tab.close()


def check(tab, question):
    """Go on from an answer with Tab, past equations that can be focused, and press the button."""
    button = question.locator(".quiz-check")
    for _ in range(20):
        tab.keyboard.press("Tab")
        if button.evaluate("(e) => e === document.activeElement"):
            break
    tab.keyboard.press("Enter")


def test_every_part_has_a_quiz():
    assert len(QUIZZES) == 6


def test_each_question_has_one_right_answer_and_explains_all(quiz):
    questions = quiz.locator("fieldset.quiz")
    assert questions.count() >= 5
    for question in questions.all():
        assert question.locator("legend").inner_text().strip()
        options = question.locator("input[type=radio]")
        assert options.count() >= 3
        assert question.locator("input[data-right=true]").count() == 1
        assert len(set(options.evaluate_all("all => all.map((e) => e.name)"))) == 1
        for why in question.locator(".quiz-why").all():
            assert not why.is_visible()
            assert len(why.text_content()) > 30


def test_answered_with_the_keyboard(quiz):
    first = quiz.locator("fieldset.quiz").first
    verdict = first.locator(".quiz-verdict")
    options = first.locator("input[type=radio]")
    right = options.evaluate_all("all => all.findIndex((e) => e.dataset.right === 'true')")
    wrong = (right + 1) % options.count()

    first.locator(".quiz-check").focus()
    quiz.keyboard.press("Enter")
    assert verdict.inner_text() == "Choose an answer first."

    options.first.focus()
    quiz.keyboard.press("Space")
    for _ in range(wrong):
        quiz.keyboard.press("ArrowDown")
    assert options.nth(wrong).is_checked()
    check(quiz, first)
    shown = first.locator(".quiz-why:visible")
    assert shown.count() == 1 and shown.inner_text().startswith("No.")
    assert verdict.inner_text().startswith("Not this one")

    options.nth(wrong).focus()
    quiz.keyboard.press("ArrowUp" if right < wrong else "ArrowDown")
    for _ in range(options.count()):
        if options.nth(right).is_checked():
            break
        quiz.keyboard.press("ArrowDown")
    check(quiz, first)
    shown = first.locator(".quiz-why:visible")
    assert shown.count() == 1 and shown.inner_text().startswith("Right.")
    assert verdict.inner_text().startswith("Right")
    count = quiz.locator("fieldset.quiz").count()
    board = quiz.locator(".quiz-score").inner_text()
    assert board == f"1 of {count} solved, 0 of them at the first try."


def test_without_javascript_everything_is_readable(chromium):
    context = chromium.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(QUIZZES[0].as_uri())
    assert all(why.is_visible() for why in tab.locator(".quiz-why").all())
    assert not tab.locator(".quiz-check").first.is_visible()
    context.close()
