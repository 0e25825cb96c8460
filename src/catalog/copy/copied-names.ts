/** What a stored object of an archive becomes in another one, by its name alone. */
import { withoutExtension } from '../../codecs/open.ts';
import { storedKey, type Transport } from '../../pipeline/transport.ts';
import type { Key } from '../../storage/storage.ts';

/** Objects of JSON are stored as they are; all others are compressed, and encrypted where there is a key. */
export function isEncoded(key: Key): boolean {
  return !key.endsWith('.json');
}

/**
 * What stands in for a log that is not whole yet: a part of a WAL segment, which is replaced every few seconds, a piece of a
 * binlog. It is gone when the whole log is there.
 */
export function isPartial(key: Key): boolean {
  return /^wal_005\/[0-9A-F]{24}\.partial(\.[a-z0-9]+)?$|^walvault_binlog\//.test(key);
}

/** The key of an object that is compressed as the target does it; JSON keeps its name. */
export function reencodedKey(target: Pick<Transport, 'codec'>, key: Key): Key {
  return isEncoded(key) ? storedKey(target as Transport, withoutExtension(key)) : key;
}

/** What stays of a key when it does not matter how the object is compressed. */
export function logicalKey(key: Key): Key {
  return isEncoded(key) ? withoutExtension(key) : key;
}
