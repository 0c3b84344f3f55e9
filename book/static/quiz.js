// Quizzes: the explanation of an answer is shown when the answer is checked, and what was answered is kept.
(function () {
  "use strict";

  const MARKS = { right: "\u2713", wrong: "\u2717" };

  // What was answered on this page: for each question the answers that were checked, in order.
  function memory(quizzes) {
    const page = location.pathname.split("/").pop();
    const key = (quiz) => `quiz ${page} ${quiz.querySelector("legend").textContent.trim()}`;
    return {
      read(quiz) {
        try {
          return JSON.parse(localStorage.getItem(key(quiz)) || "[]");
        } catch { return []; }
      },
      write(quiz, answers) {
        try {
          localStorage.setItem(key(quiz), JSON.stringify(answers));
        } catch { /* Without storage an answer lasts as long as the page. */ }
      },
      clear() {
        try {
          quizzes.forEach((quiz) => localStorage.removeItem(key(quiz)));
        } catch { /* Nothing was kept. */ }
      },
    };
  }

  function prepare(quiz, kept, changed) {
    const options = [...quiz.querySelectorAll("input[type=radio]")];
    const why = (option) => document.getElementById(option.id + "-why");
    const verdict = quiz.querySelector(".quiz-verdict");
    const see = quiz.querySelector(".quiz-see");
    const button = quiz.querySelector(".quiz-check");
    const isRight = (option) => option.dataset.right === "true";
    let answers = kept.read(quiz).filter((k) => Number.isInteger(k) && k < options.length);

    function show() {
      const last = options[answers[answers.length - 1]];
      options.forEach((option, k) => {
        const place = option.closest(".quiz-option");
        why(option).hidden = option !== last;
        if (answers.includes(k)) place.dataset.mark = MARKS[isRight(option) ? "right" : "wrong"];
        else delete place.dataset.mark;
        place.classList.toggle("is-right", answers.includes(k) && isRight(option));
        place.classList.toggle("is-wrong", answers.includes(k) && !isRight(option));
      });
      const solved = last !== undefined && isRight(last);
      quiz.dataset.state = last === undefined ? "open" : solved ? "right" : "wrong";
      button.hidden = solved;
      options.forEach((option) => { option.disabled = solved && option !== last; });
      if (last) last.checked = true;
      if (see) see.hidden = last === undefined;
      verdict.textContent = last === undefined ? "" : solved
        ? "Right. The explanation is below the answer."
        : "Not this one. Read why below the answer, and choose again.";
    }

    button.addEventListener("click", () => {
      const chosen = options.findIndex((option) => option.checked);
      if (chosen < 0) {
        verdict.textContent = "Choose an answer first.";
        return;
      }
      answers.push(chosen);
      kept.write(quiz, answers);
      show();
      changed();
    });
    show();
    return {
      solved: () => quiz.dataset.state === "right",
      first: () => answers.length === 1,
      clear() {
        answers = [];
        options.forEach((option) => { option.checked = false; });
        show();
      },
    };
  }

  // One line above the questions, in sight while one answers.
  function scoreboard(quizzes) {
    const board = document.createElement("div");
    board.className = "quiz-board";
    const words = document.createElement("p");
    words.className = "quiz-score";
    words.setAttribute("role", "status");
    const again = document.createElement("button");
    again.type = "button";
    again.className = "quiz-again";
    again.textContent = "Start again";
    board.append(words, again);
    quizzes[0].before(board);
    return { words, again };
  }

  // Equations are measured while they are shown: hide the explanations only once they are typeset.
  window.addEventListener("load", async () => {
    const quizzes = [...document.querySelectorAll("fieldset.quiz")];
    if (!quizzes.length) return;
    const math = window.MathJax && window.MathJax.startup && window.MathJax.startup.promise;
    if (math) await math;
    const { words, again } = scoreboard(quizzes);
    const kept = memory(quizzes);
    const questions = [];

    function count() {
      const solved = questions.filter((one) => one.solved());
      const first = solved.filter((one) => one.first()).length;
      words.textContent = solved.length === 0 ? `${quizzes.length} questions.`
        : `${solved.length} of ${quizzes.length} solved, ${first} of them at the first try.`;
      again.hidden = quizzes.every((quiz) => quiz.dataset.state === "open");
    }

    quizzes.forEach((quiz) => questions.push(prepare(quiz, kept, count)));
    again.addEventListener("click", () => {
      kept.clear();
      questions.forEach((one) => one.clear());
      count();
    });
    count();
    document.documentElement.dataset.quizzes = "ready";
  });
})();
