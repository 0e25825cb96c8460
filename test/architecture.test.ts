import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

/** Rows of src/, top first. A file imports its own folder and lower rows; never a peer in its row, never a higher row. */
const rows: readonly (readonly string[])[] = [
  ['main', 'worker'],
  ['cli'],
  ['app'],
  ['commands'],
  ['postgres', 'mysql'],
  ['stream'],
  ['catalog'],
  ['pipeline'],
  ['storage', 'codecs', 'crypto', 'archive'],
  ['config'],
  ['platform', 'bytes'],
  ['errors'],
];

const root = resolve(import.meta.dirname, '..');
const source = join(root, 'src');
const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));

function placeOf(file: string): string {
  return (file.split('/')[0] ?? '').replace(/\.ts$/, '');
}

function rowOf(place: string): number {
  return rows.findIndex((row) => row.includes(place));
}

function importsOf(file: string): readonly string[] {
  const text = readFileSync(join(source, file), 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] ?? '');
}

describe('the layers of src/', () => {
  it.each(files)('%s stands in a known row and imports only its own folder and lower rows', (file) => {
    const place = placeOf(file);
    expect(rowOf(place), `${place} has no row: add it to test/architecture.test.ts first`).toBeGreaterThanOrEqual(0);
    for (const imported of importsOf(file)) {
      if (!imported.startsWith('.')) continue;
      const target = relative(source, resolve(source, dirname(file), imported));
      if (target.startsWith('..')) {
        expect(target, `${file} leaves src/`).toBe('../package.json');
        continue;
      }
      const targetPlace = placeOf(target);
      if (targetPlace === place) continue;
      expect(rowOf(targetPlace), `${file} imports ${target}`).toBeGreaterThan(rowOf(place));
    }
  });

  it('keeps storage adapters from importing one another', () => {
    const adapters = files.filter((file) => /^storage\/[^/]+\//.test(file));
    for (const file of adapters) {
      const own = file.split('/')[1];
      for (const imported of importsOf(file)) {
        const target = relative(source, resolve(source, dirname(file), imported));
        const other = /^storage\/([^/]+)\//.exec(target)?.[1];
        if (other !== undefined) expect(other, `${file} imports ${target}`).toBe(own);
      }
    }
  });
});
