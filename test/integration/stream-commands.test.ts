import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { collect, type ByteSource } from '../../src/bytes/stage.ts';
import { CommandFailedError } from '../../src/stream/command-failed.ts';
import { runCommand, runConsumer, runProducer } from '../../src/stream/shell-command.ts';
import { breaking, lending, madeBytes } from '../../testtools/byte-sources.ts';
import { recordingLogger } from '../../testtools/recording-logger.ts';
import { temporaryDirectory } from '../../testtools/temp.ts';

const options = () => ({ from: '--exec', logger: recordingLogger(), signal: new AbortController().signal });

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie that nobody has waited for yet does nothing any more.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function gone(pid: number): Promise<void> {
  while (isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('the output of a command', () => {
  it('is whole', async () => {
    const output = await collect(
      runProducer('for i in 1 2 3; do echo line $i; done; head -c 300000 /dev/zero', options()),
    );
    expect(output.length).toBe(21 + 300_000);
  });

  it('ends with an error that tells the status and the end of what it said, when the command fails', async () => {
    const failing = collect(runProducer('echo much; echo first >&2; echo no such table >&2; exit 7', options()));
    await expect(failing).rejects.toThrow(/failed with status 7: .*first\nno such table$/s);
    await expect(failing).rejects.toMatchObject({ kind: 'unavailable', status: 7 });
    await expect(collect(runProducer('kill -9 $$', options()))).rejects.toThrow(/was ended by SIGKILL/);
    await expect(collect(runProducer('/nowhere/mysqldump', options()))).rejects.toThrow(/failed with status 127/);
  });

  it('hands on nothing that a terminal would take for a command', async () => {
    const failing = collect(runProducer(String.raw`printf 'a\033[31mb\r\n\tc\n' >&2; exit 1`, options()));
    await expect(failing).rejects.toMatchObject({ stderrTail: 'a[31mb\n\tc' });
  });

  it('does not say what the command is, beside its program: it may hold passwords', async () => {
    const failing = collect(runProducer("A=1 MYSQL_PWD='one secret' false --password=another-secret", options()));
    await expect(failing).rejects.toThrow(/^the command of --exec \("false"\) failed with status 1$/);
  });

  it('does not wait for what a failed command has left running', async () => {
    const command = 'setsid sleep 1000 & echo $!; exit 3';
    const text: string[] = [];
    const reading = async (): Promise<void> => {
      for await (const chunk of runProducer(command, options())) text.push(Buffer.from(chunk).toString());
    };
    await expect(reading()).rejects.toThrow(/failed with status 3/);
    const pid = Number(text.join(''));
    // The output of what failed may be lost.
    if (pid > 0) process.kill(pid, 'SIGKILL');
  });

  it('is whole, too, when what the command left running goes on writing', async () => {
    const output = await collect(runProducer('(sleep 0.3; head -c 300000 /dev/zero) & echo begun', options()));
    expect(output.length).toBe(6 + 300_000);
  });

  it('ends when it is called off, even if the command does not heed signals', { timeout: 60_000 }, async () => {
    const controller = new AbortController();
    const reading = async (): Promise<void> => {
      const command = "trap '' TERM; echo begun; sleep 1000; sleep 1000";
      for await (const chunk of runProducer(command, { ...options(), signal: controller.signal })) {
        expect(Buffer.from(chunk).toString()).toBe('begun\n');
        controller.abort(new Error('stop'));
      }
    };
    await expect(reading()).rejects.toThrow('stop');
  });

  it('keeps only the end of what it said', async () => {
    const failing = collect(runProducer('yes complaint | head -c 1000000 >&2; echo last >&2; exit 1', options()));
    const error = await failing.catch((caught: unknown) => caught as CommandFailedError);
    expect(error).toBeInstanceOf(CommandFailedError);
    expect((error as CommandFailedError).stderrTail).toMatch(/complaint\nlast$/);
    expect((error as CommandFailedError).stderrTail.length).toBeLessThanOrEqual(8192);
  });

  it('has its variables, and all of its processes end when nobody reads on, or the work is called off', async () => {
    const command = 'echo $GREETING $$; sleep 1000 & echo $!; sleep 1000 | sleep 1000';
    const environment = { GREETING: 'it\'s "me" $HOME' };
    for (const how of ['break', 'abort']) {
      const controller = new AbortController();
      const pids: number[] = [];
      const read = async (): Promise<void> => {
        let text = '';
        for await (const chunk of runProducer(command, { ...options(), environment, signal: controller.signal })) {
          text += Buffer.from(chunk).toString();
          const lines = text.split('\n');
          if (lines.length < 3) continue;
          expect(lines[0]).toMatch(/^it's "me" \$HOME \d+$/);
          pids.push(Number(lines[0]?.split(' ').at(-1)), Number(lines[1]));
          if (how === 'break') break;
          controller.abort(new Error('stop'));
        }
      };
      if (how === 'break') await read();
      else await expect(read()).rejects.toThrow('stop');
      expect(pids).toHaveLength(2);
      await Promise.all(pids.map(gone));
    }
  });
});

describe('feeding a command', () => {
  it('gives it all bytes, and waits for its end', async () => {
    await using folder = await temporaryDirectory();
    const file = join(folder.path, 'it is');
    const bytes = madeBytes(500_000);
    await runConsumer('cat > "$TARGET"; echo chatter', lending(bytes, 65_536), {
      ...options(),
      environment: { TARGET: file },
    });
    expect(readFileSync(file).equals(bytes)).toBe(true);
  });

  it('tells that it failed, or ended without reading everything', async () => {
    const bytes = madeBytes(3_000_000);
    const feed = (command: string) => runConsumer(command, lending(bytes, 65_536), options());
    await expect(feed('cat > /dev/null; echo disk full >&2; exit 2')).rejects.toThrow(
      /failed with status 2: .*disk full/s,
    );
    await expect(feed('head -c 10 > /dev/null; echo bad magic >&2; exit 1')).rejects.toThrow(/status 1: .*bad magic/s);
    await expect(feed('head -c 10 > /dev/null')).rejects.toThrow(/ended before it had read everything/);
    await expect(feed('sleep 0.2; true')).rejects.toThrow(/ended before it had read everything/);
    await expect(feed('exec < /dev/null; sleep 0.2')).rejects.toThrow(/ended before it had read everything/);
  });

  it('tells, too, that it did not read the last bytes, which a pipe holds', async () => {
    const feed = (command: string) => runConsumer(command, lending(madeBytes(1000), 100), options());
    await feed('head -c 1000 > /dev/null');
    await feed('cat > /dev/null; sleep 0.1');
    await feed('cat | cat > /dev/null');
    for (const command of ['true', 'sleep 0.2; true', 'dd bs=1 count=999 2> /dev/null']) {
      await expect(feed(command)).rejects.toThrow(/ended before it had read everything/);
    }
  });

  it('does not mind the padding of an archive that tar leaves unread', async () => {
    const bytes = Buffer.concat([madeBytes(10_240), Buffer.alloc(20_480)]);
    await runConsumer('dd bs=10240 count=2 of=/dev/null 2> /dev/null', lending(bytes, 7000), options());
  });

  it('does not mind either when tar has ended before the padding comes, but any other byte', async () => {
    await using folder = await temporaryDirectory();
    const ended = join(folder.path, 'ended');
    async function* archive(rest: Uint8Array): ByteSource {
      yield Buffer.concat([madeBytes(1000), Buffer.alloc(1048)]);
      while (!existsSync(ended)) await delay(10);
      await delay(200);
      for (let at = 0; at < rest.length; at += 5000) yield rest.subarray(at, at + 5000);
    }
    const reading = `head -c 2048 > /dev/null; : > "${ended}"`;
    await runConsumer(reading, archive(Buffer.alloc(400_000)), options());
    rmSync(ended);
    const unread = Buffer.alloc(400_000);
    unread[399_999] = 1;
    await expect(runConsumer(reading, archive(unread), options())).rejects.toThrow(/before it had read everything/);
  });

  it('never lets it take a part for the whole when the source fails', async () => {
    await using folder = await temporaryDirectory();
    const file = join(folder.path, 'finished');
    const started = `sh -c 'cat > /dev/null && touch "${file}"'`;
    const source = (): ByteSource => breaking(madeBytes(200_000), new Error('cut'));
    await expect(runConsumer(started, source(), options())).rejects.toThrow('cut');
    expect(() => readFileSync(file)).toThrow(/ENOENT/);
  });

  it('is not needed by a command without input', async () => {
    await runCommand('test -z "$(cat)"', options());
    await expect(runCommand('false', options())).rejects.toThrow(
      /^the command of --exec \("false"\) failed with status 1$/,
    );
  });
});
