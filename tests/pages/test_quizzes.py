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


def test_answers_are_kept_seen_and_given_up(quiz):
    """After a reload the page shows what was answered: colors, marks, the count, the place to read again."""
    first = quiz.locator("fieldset.quiz").first
    see = first.locator(".quiz-see")
    assert not see.is_visible() and first.get_attribute("data-state") == "open"
    for right, state in ((False, "wrong"), (True, "right")):
        first.locator(f"input[data-right={str(right).lower()}]").first.check()
        first.locator(".quiz-check").click()
        quiz.reload()
        quiz.wait_for_selector("html[data-quizzes=ready]")
        assert first.get_attribute("data-state") == state
        option = first.locator(f".quiz-option.is-{state}").first
        assert option.get_attribute("data-mark") == {"right": "\u2713", "wrong": "\u2717"}[state]
        assert option.locator("input").is_checked()
        assert see.is_visible() and see.locator("a").count() >= 1
    assert not first.locator(".quiz-check").is_visible()
    assert quiz.locator(".quiz-score").inner_text().startswith("1 of ")
    quiz.locator(".quiz-again").click()
    assert first.get_attribute("data-state") == "open"
    assert quiz.locator(".quiz-score").inner_text().endswith("questions.")
    assert not quiz.locator(".quiz-again").is_visible()


def test_every_question_names_the_place_that_answers_it(quiz):
    for question in quiz.locator("fieldset.quiz").all():
        addresses = question.locator(".quiz-see a").evaluate_all("all => all.map((e) => e.href)")
        assert any("/chapters/" in address for address in addresses)


def test_without_javascript_everything_is_readable(chromium):
    context = chromium.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(QUIZZES[0].as_uri())
    assert all(why.is_visible() for why in tab.locator(".quiz-why").all())
    assert not tab.locator(".quiz-check").first.is_visible()
    context.close()
