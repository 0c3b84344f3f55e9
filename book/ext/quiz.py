"""Quizzes: `{quiz}` holds a question and a list of answers, each with its explanation.

    :::{quiz}
    :see: {eq}`deep-averages`

    Which loss includes the noise?

    - (right) The test loss.

      It is $C_v(t,t) + \\sigma^2$.
    - (wrong) The excess loss.

      It is $C_v(t,t)$.
    :::

`see` says where the book answers it. Without JavaScript the page shows all explanations; `_static/quiz.js`, which Jupyter Book loads on every
page, hides them until they are asked for.

jupyterquiz needs a kernel's output, and shows nothing without JavaScript.
"""

import re
from itertools import count
from string import ascii_uppercase
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

MARK = re.compile(r"\((right|wrong)\)\s*")


class quiz_question(nodes.General, nodes.Element):
    """A fieldset: legend, options, a button."""


class quiz_legend(nodes.General, nodes.Element):
    """The question."""


class quiz_option(nodes.General, nodes.Element):
    """One answer: a radio button and its label."""


class quiz_see(nodes.General, nodes.TextElement):
    """Where the book answers the question."""


class quiz_explanation(nodes.General, nodes.Element):
    """Why an answer is right or wrong."""


class Quiz(SphinxDirective):
    """One question with at least two answers, exactly one of them right."""

    has_content = True
    option_spec: ClassVar = {"see": directives.unchanged_required}

    def run(self):
        held = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, held)
        *text, answers = held.children
        if not text or not isinstance(answers, nodes.bullet_list):
            raise self.error("a quiz is a question and then a list of answers")
        key = f"quiz-{self.env.new_serialno('quiz') + 1}"
        question = quiz_question(ids=[key])
        question += quiz_legend("", *text[0].children)
        question += text[1:]
        for number, item in zip(count(1), answers.children):
            question += self.answer(item, number, key)
        if sum(option["right"] for option in question.findall(quiz_option)) != 1:
            raise self.error("exactly one answer of a quiz is right")
        if "see" in self.options:
            where, _ = self.state.inline_text(self.options["see"], self.lineno)
            question += quiz_see("", "Read again: ", *where, nodes.Text("."))
        return [question]

    def answer(self, item, number, group):
        first, *why = item.children
        mark = MARK.match(first.astext())
        if not mark or not why:
            raise self.error(
                "an answer starts with (right) or (wrong) and has an explanation below"
            )
        text = first.children[0]
        first.replace(text, nodes.Text(MARK.sub("", text.astext(), count=1)))
        key = f"{group}-{number}"
        option = quiz_option(key=key, group=group, right=mark[1] == "right")
        # A letter to speak of an answer by, and a name for one that is an equation only.
        option += nodes.strong("", f"{ascii_uppercase[number - 1]} ")
        option += nodes.inline("", "", *first.children)
        option += quiz_explanation("", *why, key=key, right=option["right"])
        return option


def visit_question(self, node):
    self.body.append(f'<fieldset class="quiz" id="{node["ids"][0]}">')


def depart_question(self, node):
    self.body.append(
        '<button type="button" class="quiz-check pst-js-only">Check</button>'
        '<p class="quiz-verdict" role="status"></p></fieldset>'
    )


def visit_option(self, node):
    self.body.append(
        f'<div class="quiz-option"><input type="radio" name="{node["group"]}" id="{node["key"]}" '
        f'data-right="{str(node["right"]).lower()}"><label for="{node["key"]}">'
    )


def visit_explanation(self, node):
    verdict = "Right." if node["right"] else "No."
    self.body.append(
        f'</label><div class="quiz-why" id="{node["key"]}-why"><p><strong>{verdict}</strong></p>'
    )


def setup(app):
    app.add_node(quiz_question, html=(visit_question, depart_question))
    app.add_node(
        quiz_legend,
        html=(
            lambda self, node: self.body.append("<legend>"),
            lambda self, node: self.body.append("</legend>"),
        ),
    )
    app.add_node(quiz_option, html=(visit_option, lambda self, node: self.body.append("</div>")))
    app.add_node(
        quiz_see,
        html=(
            lambda self, node: self.body.append('<p class="quiz-see">'),
            lambda self, node: self.body.append("</p>"),
        ),
    )
    app.add_node(
        quiz_explanation, html=(visit_explanation, lambda self, node: self.body.append("</div>"))
    )
    app.add_directive("quiz", Quiz)
    return {"parallel_read_safe": True}
