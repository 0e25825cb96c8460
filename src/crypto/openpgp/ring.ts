/** The keys of a source, parsed when they are first needed, and what can be done with them. */
import type { PublicKey } from 'openpgp';
import { ArchiverError } from '../../errors.ts';
import type { KeyRing } from './key-ring.ts';
import type { KeySource } from './key-source.ts';
import { readKeys, type KeyMaterial } from './keys.ts';
import { loadLibrary } from './library.ts';
import { openSession, type Opener } from './open-session.ts';
import { decryptByLibrary } from './rare-forms.ts';
import { wrapSession } from './recipients.ts';
import { createUnlocker } from './unlock.ts';

/** A key ring that also shows its keys. */
export interface OpenKeyRing extends KeyRing {
  /** Those that encrypt. */
  publicKeys(): Promise<readonly PublicKey[]>;
  /** Those that decrypt, and with what. */
  opener(): Promise<Opener>;
}

/** @param passphrase of the private keys; undefined when none is set */
export function openKeyRing(source: KeySource, passphrase: string | undefined): OpenKeyRing {
  const unlocker = createUnlocker(passphrase);
  const parsed = new Map<KeyMaterial, Promise<readonly PublicKey[]>>();

  async function parse(material: KeyMaterial): Promise<readonly PublicKey[]> {
    const library = await loadLibrary();
    let keys = parsed.get(material);
    if (keys === undefined) parsed.set(material, (keys = readKeys(library, material)));
    return keys;
  }

  const publicKeys = once(async () => parse(await source.publicKeys()));
  const freshPublicKeys = once(async () => parse(await (source.freshPublicKeys ?? source.publicKeys)()));
  const opener = once(async () => {
    const keys = await parse(await source.privateKeys());
    return { library: await loadLibrary(), keys, unlocker };
  });

  return {
    publicKeys,
    opener,
    async newSession() {
      const library = await loadLibrary();
      try {
        return await wrapSession(library, await publicKeys());
      } catch (error) {
        // What was kept of GnuPG's key may have expired, and have been prolonged there.
        const mayHelp =
          error instanceof ArchiverError && error.kind === 'config' && source.freshPublicKeys !== undefined;
        if (!mayHelp) throw error;
        return wrapSession(library, await freshPublicKeys());
      }
    },
    async openSession(packets) {
      return openSession(await opener(), packets);
    },
    async *decryptRareForms(chunks) {
      yield* decryptByLibrary(await opener(), chunks);
    },
  };
}

/** Remembers a success; a failure is tried again. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}
