/** The connection to a server of SFTP breaks, or falls silent, at places spread over all the bytes of a push and a fetch. */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collect, fromBytes } from '../../src/bytes/stage.ts';
import { openCodec } from '../../src/codecs/open.ts';
import { rawSettings } from '../../src/config/setting.ts';
import { ArchiverError } from '../../src/errors.ts';
import { pushObject } from '../../src/pipeline/push-object.ts';
import { readDecoded, storedKey, type Transport } from '../../src/pipeline/transport.ts';
import { silentLogger } from '../../src/platform/logger.ts';
import { openSftpStorage } from '../../src/storage/sftp/open.ts';
import { ObjectNotFoundError } from '../../src/storage/errors.ts';
import { hurriedClock } from '../../testtools/fault-stores.ts';
import { hasSshd, startSshd, type Sshd } from '../../testtools/services/sshd.ts';
import { startTcpRelay, type TcpRelay } from '../../testtools/tcp-relay.ts';

const installed = hasSshd();
const objects = { small: randomBytes(40_000), large: randomBytes(1_500_000) } as const;
const names = ['small', 'large'] as const;
const places = 8;

type Treatment = (relay: TcpRelay) => void;
const cut: Treatment = (relay) => {
  relay.cut();
};
const stall: Treatment = (relay) => {
  relay.stall();
};

/** How an errand ended. */
interface Ending {
  readonly error: unknown;
  readonly passedBytes: number;
}

describe.skipIf(!installed)(
  `a bad network before SFTP${installed ? '' : ' (not installed here)'}`,
  { timeout: 400_000 },
  () => {
    let server: Sshd;
    let folders = 0;
    beforeAll(async () => {
      server = await startSshd();
    });
    afterAll(async () => {
      await server[Symbol.asyncDispose]();
    });

    async function newFolder(): Promise<string> {
      const path = join(server.data, `archive ${(folders += 1)}`);
      await mkdir(path);
      return path;
    }

    /** @param patienceS longest silence: long enough for a busy machine, unless silence is what is to come */
    async function transportTo(path: string, port: number, patienceS = 60): Promise<Transport & AsyncDisposable> {
      const raw = rawSettings({
        WALG_SSH_PREFIX: `ssh://${server.host}${path}`,
        WALG_SSH_PORT: String(port),
        WALG_SSH_PRIVATE_KEY_PATH: server.keyPath,
        WALG_SSH_KNOWN_HOSTS: server.knownHosts,
        WALG_SSH_HOST_KEY_CHECK: 'off',
        WALG_SSH_TIMEOUT: String(patienceS),
      });
      const storage = await openSftpStorage(raw, { logger: silentLogger, clock: hurriedClock });
      const codec = await openCodec('lz4');
      return { storage, codec, crypter: undefined, [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose]() };
    }

    /** Does something through a relay, whose connection is treated once when so many bytes have passed in both directions. */
    async function treated(
      path: string,
      act: (transport: Transport) => Promise<void>,
      treat: Treatment | undefined,
      atBytes: number,
    ): Promise<Ending> {
      await using relay = await startTcpRelay(server.port);
      let done = treat === undefined;
      relay.onBytes = () => {
        if (done || relay.sentBytes + relay.receivedBytes < atBytes) return;
        done = true;
        treat?.(relay);
      };
      let error: unknown;
      {
        await using transport = await transportTo(path, relay.port, treat === stall ? 3 : 60);
        error = await act(transport).catch((reason: unknown) => reason);
      }
      return { error, passedBytes: relay.sentBytes + relay.receivedBytes };
    }

    async function stored(path: string, name: (typeof names)[number]): Promise<Buffer | undefined> {
      await using transport = await transportTo(path, server.port);
      try {
        return await collect(await readDecoded(transport, storedKey(transport, `f/${name}`)));
      } catch (error) {
        if (error instanceof ObjectNotFoundError) return undefined;
        throw error;
      }
    }

    /** Files that are still there when leftovers are old. */
    async function filesIn(path: string): Promise<readonly string[]> {
      const long = new Date(Date.now() - 3 * 24 * 60 * 60_000);
      for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
        if (entry.isFile()) await utimes(join(entry.parentPath, entry.name), long, long);
      }
      await using transport = await transportTo(path, server.port);
      await transport.storage.removeLeftovers('');
      const entries = await readdir(path, { recursive: true, withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    }

    const treatments = [
      ['breaks', cut],
      ['falls silent', stall],
    ] as const;

    describe.each(treatments)('which %s', (_, treat) => {
      it.each(names)('leaves a whole object or nothing when "%s" is pushed', async (name) => {
        const push = async (transport: Transport): Promise<void> => {
          await pushObject(transport, `f/${name}`, () => fromBytes(objects[name]), {
            ifAbsent: true,
            clock: hurriedClock,
          });
        };
        const clean = await treated(await newFolder(), push, undefined, 0);
        expect(clean.error).toBeUndefined();
        await inTurn(async (share) => {
          const path = await newFolder();
          const { error } = await treated(path, push, treat, 1 + clean.passedBytes * share);
          const found = await stored(path, name);
          if (error === undefined) expect(found?.equals(objects[name]), `at ${share}`).toBe(true);
          else expect([told(error), found], `at ${share}`).toEqual(['unavailable', undefined]);
          expect(await filesIn(path), `at ${share}`).toHaveLength(error === undefined ? 1 : 0);
        });
      });

      it('gives the right bytes, or an error, when objects are fetched', async () => {
        const path = await newFolder();
        await using direct = await transportTo(path, server.port);
        for (const name of names) await pushObject(direct, `f/${name}`, () => fromBytes(objects[name]));
        // What was just written might be replaced within the same second, and is not gone on with.
        await filesIn(path);
        const fetch = async (transport: Transport): Promise<void> => {
          for (const name of names) {
            const bytes = await collect(await readDecoded(transport, storedKey(transport, `f/${name}`)));
            if (!bytes.equals(objects[name])) throw new Error(`"${name}" came with other bytes`);
          }
        };
        const clean = await treated(path, fetch, undefined, 0);
        expect(clean.error).toBeUndefined();
        await inTurn(async (share) => {
          const { error } = await treated(path, fetch, treat, 1 + clean.passedBytes * share);
          if (error !== undefined) expect(told(error), `at ${share}`).toBe('unavailable');
        });
      });
    });
  },
);

/** Does it for places from the first byte to the last, some at the same time. */
async function inTurn(act: (share: number) => Promise<void>): Promise<void> {
  const shares = Array.from({ length: places }, (_, index) => index / places).values();
  const work = async (): Promise<void> => {
    for (const share of shares) await act(share);
  };
  await Promise.all(Array.from({ length: 8 }, work));
}

/** The kind of an error that says what happened. */
function told(error: unknown): string {
  return error instanceof ArchiverError ? error.kind : `no error of ours: ${inspect(error)}`;
}
