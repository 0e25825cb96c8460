import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reachableWalvault } from '../../testtools/cli.ts';
import { madeBytes } from '../../testtools/byte-sources.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../testtools/temp.ts';

interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

let folder: TemporaryDirectory;
let input: string;
let digest: string;

/** More than one thread compresses alone, in lines that no form is known of. */
const inputBytes = 80 << 20;

beforeAll(async () => {
  folder = await temporaryDirectory();
  input = join(folder.path, 'input');
  const piece = madeBytes(1 << 20);
  const whole = Buffer.alloc(inputBytes + 4321);
  for (let at = 0; at < whole.length; at += piece.length) {
    piece.copy(whole, at);
    if (at + 4 < whole.length) whole.writeUInt32LE(at, at);
  }
  writeFileSync(input, whole);
  digest = createHash('sha256').update(whole).digest('hex');
});

afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});

/** Runs a line of bash, `W` being the command, against a storage of its own. */
async function storage(settings: Readonly<Record<string, string>> = {}) {
  const place = await temporaryDirectory();
  const run = (line: string): Promise<Ran> =>
    new Promise((resolve) => {
      const env = {
        PATH: process.env['PATH'] ?? '',
        HOME: '/nonexistent',
        W: reachableWalvault(),
        INPUT: input,
        PLACE: place.path,
        WALG_FILE_PREFIX: join(place.path, 'storage'),
        ...settings,
      };
      execFile('bash', ['-c', `mkdir -p "$WALG_FILE_PREFIX"; ${line}`], { env }, (error, stdout, stderr) => {
        resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr });
      });
    });
  const stored = (): string[] =>
    readdirSync(join(place.path, 'storage'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.parentPath.includes('walvault_leases'))
      .map((entry) => entry.name)
      .sort();
  return { run, stored, place: place.path, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
}

describe('a stream', () => {
  it.each([
    ['a pipe', {}, 'cat "$INPUT" | $W stream-push --json', ['stream.lz4']],
    [
      'a file, dealt out',
      { WALG_STREAM_SPLITTER_PARTITIONS: '2' },
      '$W stream-push --json < "$INPUT"',
      ['part_0000.lz4', 'part_0001.lz4'],
    ],
    ['a command', { WALG_COMPRESSION_METHOD: 'none' }, `$W stream-push --json --exec 'cat "$INPUT"'`, ['stream']],
  ])('comes back the same from %s', async (_from, settings, push, objects) => {
    await using archive = await storage(settings);
    const pushed = await archive.run(push);
    expect(pushed.stderr).toMatch(/no server is configured/);
    expect(pushed.status).toBe(0);
    const { backup_name: name, uncompressed_size: size } = JSON.parse(pushed.stdout) as Record<string, unknown>;
    expect(size).toBe(inputBytes + 4321);
    const sentinel = `${String(name)}_backup_stop_sentinel.json`;
    const metadata = objects.length > 1 ? ['stream_metadata.json'] : [];
    expect(archive.stored()).toEqual([...objects, ...metadata, sentinel].sort());
    const fetched = await archive.run('set -o pipefail; $W stream-fetch LATEST | sha256sum');
    expect(fetched).toMatchObject({ status: 0, stdout: `${digest}  -\n` });
    const got = await archive.run(`$W get-stream ${String(name)} "$PLACE/file" && sha256sum < "$PLACE/file"`);
    expect(got).toMatchObject({ status: 0, stdout: `${digest}  -\n` });
  });

  it.each([
    ['nothing comes', '$W stream-push < /dev/null', 65, /nothing came from standard input/],
    [
      'the command fails',
      `$W stream-push --exec 'cat "$INPUT"; echo no rights >&2; exit 3'`,
      69,
      /status 3: .*no rights/,
    ],
    ['a dump is cut', '(echo "-- MySQL dump 10.13"; cat "$INPUT") | $W stream-push', 65, /ends too early/],
    ['standard input cannot be read', '$W stream-push < /', 69, /cannot read standard input/],
  ])('leaves nothing when %s', async (_what, line, status, message) => {
    await using archive = await storage();
    const ran = await archive.run(line);
    expect(ran.stderr).toMatch(message);
    expect(ran.status).toBe(status);
    expect(archive.stored()).toEqual([]);
  });

  it('leaves nothing when it is called off, and ends what it runs', async () => {
    await using archive = await storage();
    // It is told to stop as soon as the name of the backup is taken, which is before the first byte.
    const calledOff = (push: string): string =>
      `${push} & walvault=$!
      until compgen -G "$WALG_FILE_PREFIX/basebackups_005/*/walvault_push.json" > /dev/null; do sleep 0.1; done
      kill -TERM $walvault; wait $walvault`;
    const piped = await archive.run(
      `mkfifo "$PLACE/fifo"; exec 9<> "$PLACE/fifo"; ${calledOff('$W stream-push < "$PLACE/fifo"')}`,
    );
    expect(piped.stderr).toMatch(/interrupted by SIGTERM/);
    expect(piped.status).toBe(143);
    const running = await archive.run(
      calledOff(`$W stream-push --exec 'trap "touch $PLACE/ended; exit" TERM; sleep 1000 & wait'`),
    );
    expect(running.status).toBe(143);
    expect(readdirSync(archive.place)).toContain('ended');
    expect(archive.stored()).toEqual([]);
  });

  it('is never taken for whole when it is damaged, cut, or not read to its end', async () => {
    await using archive = await storage();
    expect((await archive.run('$W stream-push < "$INPUT"')).status).toBe(0);
    const unread = await archive.run('$W stream-fetch LATEST | head -c 1000 | wc -c; exit ${PIPESTATUS[0]}');
    expect(unread.stderr).toMatch(/standard output was closed/);
    expect(unread).toMatchObject({ status: 73, stdout: '1000\n' });

    const [object = ''] = readdirSync(join(archive.place, 'storage', 'basebackups_005'), {
      recursive: true,
      encoding: 'utf8',
    }).filter((name) => name.endsWith('stream.lz4'));
    const path = join(archive.place, 'storage', 'basebackups_005', object);
    const bytes = readFileSync(path);
    const damaged = Buffer.from(bytes);
    damaged[bytes.length >> 1] = (damaged[bytes.length >> 1] ?? 0) ^ 1;
    for (const broken of [damaged, bytes.subarray(0, bytes.length >> 1), Buffer.alloc(0)]) {
      writeFileSync(path, broken);
      expect((await archive.run('$W stream-fetch LATEST > "$PLACE/out"')).status).toBe(65);
      expect((await archive.run('$W get-stream LATEST "$PLACE/file"')).status).toBe(65);
      expect(readdirSync(archive.place).sort()).toEqual(['out', 'storage']);
    }
  });
});
