/**
 * Files with the keys of known servers: who may say to be a host. Read as OpenSSH does (sshd(8), "SSH_KNOWN_HOSTS FILE
 * FORMAT"), but for certificates (`@cert-authority`), which are passed over.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** A line of such a file that counts. */
export interface KnownHost {
  readonly revoked: boolean;
  /** Comma-separated patterns, or one hashed name. */
  readonly names: string;
  /** `ssh-ed25519`, … */
  readonly keyType: string;
  /** As it is sent by servers. */
  readonly key: Buffer;
}

/** What is known of a key, for one host. */
export type HostKeyVerdict = 'known' | 'unknown' | 'changed' | 'revoked';

/** Reads the text of a file; lines that are not understood count as comments. */
export function parseKnownHosts(content: string): readonly KnownHost[] {
  return content.split('\n').flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    const marker = fields[0]?.startsWith('@') === true ? fields.shift() : undefined;
    const [names, keyType, encoded] = fields;
    if (names === undefined || names.startsWith('#') || keyType === undefined || encoded === undefined) return [];
    if (marker !== undefined && marker !== '@revoked') return [];
    const key = Buffer.from(encoded, 'base64');
    return keyTypeOf(key) === keyType ? [{ revoked: marker === '@revoked', names, keyType, key }] : [];
  });
}

/** The type that a key says to be of; '' when it is none. */
export function keyTypeOf(key: Buffer): string {
  if (key.length < 4) return '';
  const length = key.readUInt32BE(0);
  return length > 64 || key.length < 4 + length ? '' : key.toString('latin1', 4, 4 + length);
}

/** How a host is written in such a file: with its port unless that is 22. */
export function hostName(host: string, port: number): string {
  const name = host.toLowerCase();
  return port === 22 ? name : `[${name}]:${port}`;
}

/**
 * Judges the key of a server. A host on another port may also be known without a port.
 *
 * @returns `changed` when the host is known by other keys only
 */
export function judgeHostKey(
  known: readonly KnownHost[],
  { host, port, key }: { readonly host: string; readonly port: number; readonly key: Buffer },
): HostKeyVerdict {
  const same = (entry: KnownHost): boolean => entry.key.equals(key);
  const own = entriesFor(known, hostName(host, port));
  const plain = port === 22 ? [] : entriesFor(known, hostName(host, 22));
  if ([...own, ...plain].some((entry) => entry.revoked && same(entry))) return 'revoked';
  const trusted = own.filter(({ revoked }) => !revoked);
  if (trusted.some(same)) return 'known';
  if (trusted.length > 0) return 'changed';
  return plain.some((entry) => !entry.revoked && same(entry)) ? 'known' : 'unknown';
}

/** The types of the keys that a host is known by: to ask it for one of them. */
export function knownKeyTypes(known: readonly KnownHost[], host: string, port: number): readonly string[] {
  const own = entriesFor(known, hostName(host, port)).filter(({ revoked }) => !revoked);
  const entries = own.length > 0 ? own : entriesFor(known, hostName(host, 22)).filter(({ revoked }) => !revoked);
  return [...new Set(entries.map(({ keyType }) => keyType))];
}

/** A line for a file. */
export function knownHostLine(host: string, port: number, key: Buffer): string {
  return `${hostName(host, port)} ${keyTypeOf(key)} ${key.toString('base64')}\n`;
}

/** What people compare: `SHA256:…`, as ssh prints it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

function entriesFor(known: readonly KnownHost[], name: string): readonly KnownHost[] {
  return known.filter(({ names }) => matches(names, name));
}

function matches(names: string, name: string): boolean {
  if (names.startsWith('|')) return matchesHash(names, name);
  let found = false;
  for (const pattern of names.toLowerCase().split(',')) {
    const negated = pattern.startsWith('!');
    if (!matchesPattern(negated ? pattern.slice(1) : pattern, name)) continue;
    // Whatever else the line says.
    if (negated) return false;
    found = true;
  }
  return found;
}

function matchesPattern(pattern: string, name: string): boolean {
  if (!/[*?]/.test(pattern)) return pattern === name;
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*+/g, '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's').test(name);
}

/** `|1|salt|HMAC-SHA1 of the name`. */
function matchesHash(text: string, name: string): boolean {
  const [, salt, hash] = /^\|1\|([^|]+)\|([^|]+)$/.exec(text) ?? [];
  if (salt === undefined || hash === undefined) return false;
  const expected = Buffer.from(hash, 'base64');
  const found = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
  return expected.length === found.length && timingSafeEqual(expected, found);
}
