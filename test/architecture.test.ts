import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

/** Rows of src/, top first. A file imports its own folder and lower rows; never a peer in its row, never a higher row. */
const rows: readonly (readonly string[])[] = [
  ['main', 'worker'],
  ['cli'],
  ['app'],
  ['commands'],
  ['doctor'],
  ['postgres', 'mysql'],
  ['stream'],
  ['catalog'],
  ['pipeline'],
  ['storage', 'codecs', 'crypto', 'archive'],
  ['network'],
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

function textOf(file: string): string {
  return readFileSync(join(source, file), 'utf8');
}

function importsOf(file: string): readonly string[] {
  return [...textOf(file).matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] ?? '');
}

/** What is loaded together with a file: `import type` and `import()` are not. */
function loadedWith(file: string): readonly string[] {
  const statements = textOf(file).matchAll(/^(?:import|export) (?!type )(?:[^;']* from )?'([^']+)'/gm);
  return [...statements].map((match) => match[1] ?? '');
}

/** The commands that a server waits for, and what they load by `import()`. */
const hotModules = [
  'main.ts',
  'app/transport.ts',
  'codecs/lz4/codec.ts',
  'codecs/none.ts',
  'commands/postgres/wal-fetch.ts',
  'commands/postgres/wal-prefetch.ts',
  'commands/postgres/wal-push.ts',
  'storage/azure/open.ts',
  'storage/file/file-storage.ts',
  'storage/gcs/open.ts',
  'storage/s3/open.ts',
];

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

describe('the process', () => {
  it('is known to main.ts alone: its arguments, environment and exit', () => {
    const touching = files.filter((file) => /\bprocess\.(?:env|argv|exit)\b/.test(textOf(file)));
    expect(touching).toEqual(['main.ts']);
  });
});

describe('the modules of the commands that a server waits for', () => {
  it('import no package at the top, not even by way of others', () => {
    const seen = new Set(hotModules);
    const packages: string[] = [];
    for (const file of seen) {
      for (const imported of loadedWith(file)) {
        if (imported.endsWith('.json') || imported.startsWith('node:')) continue;
        if (imported.startsWith('.')) seen.add(relative(source, resolve(source, dirname(file), imported)));
        else packages.push(`${file}: ${imported}`);
      }
    }
    expect(seen.size).toBeGreaterThan(50);
    expect(packages).toEqual([]);
  });
});
