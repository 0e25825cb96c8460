/** Leaves the run's counts in `.cache/test-counts`, for the closing line of `make test`; names what was skipped and, last, what failed. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Reporter, TestModule } from 'vitest/node';

const counts = join(resolve(import.meta.dirname, '..', '..'), '.cache', 'test-counts');

/** So much of a failure's message is repeated at the end, in lines: whoever reads only a log's tail knows what to look for. */
const linesOfMessage = 4;

/** A vitest reporter; a file that could not be loaded and an error outside of tests count as failed. */
export default class CountReporter implements Reporter {
  onTestRunStart(): void {
    rmSync(counts, { force: true });
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    let [passed, skipped] = [0, 0];
    const failures = errors.map((error) => failure('outside of tests', [error]));
    for (const module of modules) {
      if (module.errors().length > 0) failures.push(failure(module.relativeModuleId, module.errors()));
      for (const test of module.children.allTests()) {
        const { state, errors: ofTest } = test.result();
        if (state === 'passed') passed += 1;
        else if (state === 'failed') failures.push(failure(`${module.relativeModuleId} > ${test.fullName}`, ofTest));
        else {
          skipped += 1;
          process.stdout.write(`skipped: ${test.fullName}\n`);
        }
      }
    }
    process.stdout.write(failures.join(''));
    mkdirSync(resolve(counts, '..'), { recursive: true });
    writeFileSync(counts, `${passed} passed, ${failures.length} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
  }
}

function failure(name: string, errors: readonly unknown[]): string {
  const text = errors.map((error) => (error as { message?: string }).message ?? String(error)).join('\n');
  const lines = text.split('\n').slice(0, linesOfMessage);
  return [`failed: ${name}`, ...lines.map((line) => `        ${line}`), ''].join('\n');
}
