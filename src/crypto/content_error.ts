// What is wrong with the content of a file that only the caller can name.
import { escapeText, SallyportError, type SallyportErrorOptions } from "../errors.ts";

/** Reports content that cannot be used. */
export class ContentError extends SallyportError {
  /** What is wrong, in words that follow a colon. */
  readonly problem: string;

  constructor(action: string, problem: string, options: SallyportErrorOptions) {
    super("bad-config", `${action}: ${problem}`, options);
    this.problem = problem;
  }

  /** Returns the same about a file with a name. */
  about(action: string, path: string): SallyportError {
    const { code, problem, hint, details } = this;
    return new SallyportError(code, `${action} "${escapeText(path)}": ${problem}`, {
      hint,
      details: { ...details, path },
      cause: this,
    });
  }
}
