import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryDirectory, type TemporaryDirectory } from '../../../testtools/temp.ts';
import { makeDataDirectory, makeSegment } from '../../../testtools/wal.ts';

const root = resolve(import.meta.dirname, '..', '..', '..');
const segment = '000000010000000000000001';

/** Notes every module that a process loads, and writes the list when it ends. */
const recorder = `
  import { registerHooks } from 'node:module';
  import { writeFileSync } from 'node:fs';
  const loaded = new Set();
  registerHooks({ load(url, context, next) { loaded.add(url); return next(url, context); } });
  process.on('exit', () => writeFileSync(process.env.LOADED_MODULES, [...loaded].join('\\n')));
`;

let directory: TemporaryDirectory;
beforeAll(async () => {
  directory = await temporaryDirectory();
  const wal = makeDataDirectory(join(directory.path, 'data'));
  writeFileSync(join(wal, segment), makeSegment(segment));
  mkdirSync(join(directory.path, 'storage'));
  writeFileSync(join(directory.path, 'recorder.mjs'), recorder);
});
afterAll(() => directory[Symbol.asyncDispose]());

/** Paths below the repository of what a run of the program loads. */
function loadedBy(args: readonly string[]): readonly string[] {
  const list = join(directory.path, 'loaded');
  const run = spawnSync(
    process.execPath,
    ['--import', join(directory.path, 'recorder.mjs'), join(root, 'src', 'main.ts'), ...args],
    {
      cwd: join(directory.path, 'data'),
      env: { LOADED_MODULES: list, WALG_FILE_PREFIX: join(directory.path, 'storage'), HOME: directory.path },
      encoding: 'utf8',
    },
  );
  expect(run.stderr).toContain('INFO');
  expect(run.status, run.stderr).toBe(0);
  return readFileSync(list, 'utf8')
    .split('\n')
    .filter((url) => url.startsWith('file:'))
    .map((url) => relative(root, new URL(url).pathname));
}

const heavy = /^src\/(cli\/program|worker|postgres\/(server|backup)\/(?!.*settings)|pipeline\/worker-pool|archive)/;

describe('a command that a server waits for', () => {
  it.each([
    ['wal-push', ['wal-push', `pg_wal/${segment}`]],
    ['wal-fetch', ['wal-fetch', segment, 'pg_wal/RECOVERYXLOG']],
  ])('%s loads no package but that of its codec, and nothing that only other commands need', (_, args) => {
    const loaded = loadedBy(args);
    const packages = loaded.flatMap((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []);
    expect([...new Set(packages)].filter((name) => !/^(@antoniomuso\/)?lz4-napi/.test(name))).toEqual([]);
    expect(loaded.filter((path) => heavy.test(path))).toEqual([]);
    expect(loaded).toContain('src/storage/file/file-storage.ts');
  });
});
