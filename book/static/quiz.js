// Quizzes: the explanation of an answer is shown when the answer is checked.
(function () {
  "use strict";

  function prepare(quiz, score) {
    const options = [...quiz.querySelectorAll("input[type=radio]")];
    const why = (option) => document.getElementById(option.id + "-why");
    const verdict = quiz.querySelector(".quiz-verdict");
    let tries = 0;

    options.forEach((option) => { why(option).hidden = true; });
    quiz.querySelector(".quiz-check").addEventListener("click", () => {
      const chosen = options.find((option) => option.checked);
      if (!chosen) {
        verdict.textContent = "Choose an answer first.";
        return;
      }
      options.forEach((option) => { why(option).hidden = option !== chosen; });
      const right = chosen.dataset.right === "true";
      if (quiz.dataset.done !== "true") {
        tries += 1;
        if (right) score.add(tries === 1);
      }
      if (right) quiz.dataset.done = "true";
      verdict.textContent = right
        ? "Right. The explanation is below the answer."
        : "Not this one. Read why below the answer, and choose again.";
    });
  }

  function scoreboard(quizzes) {
    const board = document.createElement("p");
    board.className = "quiz-score";
    board.setAttribute("role", "status");
    quizzes[quizzes.length - 1].after(board);
    let solved = 0, first = 0;
    return {
      add(atOnce) {
        solved += 1;
        first += atOnce ? 1 : 0;
        board.textContent =
          `${solved} of ${quizzes.length} solved, ${first} of them at the first try.`;
      },
    };
  }

  // Equations are measured while they are shown: hide the explanations only once they are typeset.
  window.addEventListener("load", async () => {
    const quizzes = [...document.querySelectorAll("fieldset.quiz")];
    if (!quizzes.length) return;
    const math = window.MathJax && window.MathJax.startup && window.MathJax.startup.promise;
    if (math) await math;
    const score = scoreboard(quizzes);
    quizzes.forEach((quiz) => prepare(quiz, score));
    document.documentElement.dataset.quizzes = "ready";
  });
})();
