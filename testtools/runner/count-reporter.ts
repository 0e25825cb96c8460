/** Leaves the run's counts in `.cache/test-counts`, for the closing line of `make test`; names skipped files. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Reporter, TestModule } from 'vitest/node';

const counts = join(resolve(import.meta.dirname, '..', '..'), '.cache', 'test-counts');

/** A vitest reporter; a file that could not be loaded and an error outside of tests count as failed. */
export default class CountReporter implements Reporter {
  onTestRunStart(): void {
    rmSync(counts, { force: true });
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    let [passed, failed, skipped] = [0, errors.length, 0];
    for (const module of modules) {
      if (module.errors().length > 0) failed += 1;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') passed += 1;
        else if (state === 'failed') failed += 1;
        else {
          skipped += 1;
          process.stdout.write(`skipped: ${test.fullName}\n`);
        }
      }
    }
    mkdirSync(resolve(counts, '..'), { recursive: true });
    writeFileSync(counts, `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
  }
}
