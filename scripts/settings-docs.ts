/**
 * Writes `docs/settings.md`, or says whether it is up to date.
 *
 *   node scripts/settings-docs.ts [--check] FILE
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { namesNotUsedYet, settingSections } from '../src/app/settings.ts';
import { settingsMarkdown } from '../src/config/describe.ts';

const [first = '', second] = process.argv.slice(2);
const path = second ?? first;
const text = settingsMarkdown(settingSections, namesNotUsedYet());

if (first !== '--check') {
  writeFileSync(path, text);
} else if (!existsSync(path) || readFileSync(path, 'utf8') !== text) {
  process.stderr.write(`${path} is not up to date; run: make docs\n`);
  process.exitCode = 1;
}
