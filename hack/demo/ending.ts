import process from 'node:process';

/**
 * Runs the work of one command. A failure is told in sentences, what went wrong first, and ends with code 1; Ctrl-C with 130. `next` says what to do
 * then: after Ctrl-C always, after a failure once `begun` was called (before that there is nothing to go on from).
 */
export async function orExplain(work: (begun: () => void) => Promise<void>, next: string): Promise<void> {
  let advice = '';
  process.once('SIGINT', () => {
    process.stderr.write(`\nstopped. ${next}\n`);
    process.exit(130);
  });
  try {
    await work(() => {
      advice = `${next}\n`;
    });
  } catch (error) {
    process.stderr.write(`${explain(error)}\n${advice}`);
    process.exit(1);
  }
}

/** The error and what caused it, one a line. Pure. */
export function explain(error: unknown): string {
  const lines: string[] = [];
  for (let one: unknown = error; one !== undefined && lines.length < 5; ) {
    const text = one instanceof Error ? one.message : String(one);
    lines.push(`${lines.length === 0 ? 'error: ' : '  because: '}${text}`);
    one = one instanceof Error ? one.cause : undefined;
  }
  return lines.join('\n');
}
