import process from 'node:process';

/** Counts and prints what a suite found. */
export class Report {
  passed = 0;
  failed = 0;
  readonly #only: string | undefined;

  /** Runs only checks whose name holds `only`. */
  constructor(only: string | undefined) {
    this.#only = only;
  }

  async check(name: string, run: () => Promise<string | undefined>): Promise<void> {
    if (this.#only !== undefined && !name.includes(this.#only)) return;
    const began = performance.now();
    try {
      const figures = await run();
      this.passed++;
      this.#say('ok', name, began, figures ?? '');
    } catch (error) {
      this.failed++;
      this.#say('FAILED', name, began, '');
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      process.stdout.write(`${text.slice(0, 6_000).replace(/^/gm, '    ')}\n`);
    }
  }

  /** Many small cases at once. */
  count(name: string, passed: number, failures: readonly string[], began: number): void {
    this.passed += passed;
    this.failed += failures.length;
    this.#say(failures.length === 0 ? 'ok' : 'FAILED', name, began, `${passed} cases`);
    for (const failure of failures.slice(0, 40)) process.stdout.write(`    ${failure.slice(0, 600)}\n`);
  }

  #say(outcome: string, name: string, began: number, figures: string): void {
    const ms = Math.round(performance.now() - began);
    process.stdout.write(`${outcome} ${name} (${ms} ms)${figures === '' ? '' : `: ${figures}`}\n`);
  }
}
