/** The result of `key check` as text and as JSON. */
import type { CheckedGroup, ExaminedObject } from '../catalog/key-check/groups.ts';
import type { CheckedKeys, KeyCheck } from '../catalog/key-check/key-check.ts';
import type { ObjectState } from '../catalog/key-check/object-state.ts';
import type { RoundTrip } from '../catalog/key-check/round-trip.ts';
import type { Verdict } from '../catalog/key-check/verdict.ts';
import type { KeyFacts } from '../crypto/crypter.ts';
import { alignedTable } from './table.ts';

type StateName = ObjectState['kind'];

/** The states in the words of the output, the worst first. */
const states: Readonly<Record<StateName, string>> = {
  otherKey: 'for another key',
  encrypted: 'encrypted, and no key is set',
  damaged: 'damaged',
  clear: 'in clear, though a key is set',
  unproven: 'for a key of ours, not tried',
  readable: 'readable',
};

const order = Object.keys(states) as readonly StateName[];

const methods = { openpgp: 'OpenPGP', libsodium: 'libsodium', 'aws-kms': 'AWS KMS' } as const;

/** For people: keys, round trips, and a line for each backup and folder of logs. */
export function keyCheckText({ location, keys, groups }: KeyCheck): string {
  const parts = [`storage     ${location}\n`, keys === undefined ? 'encryption  none\n' : keysText(keys)];
  if (groups.length > 0) parts.push('\n', alignedTable(['name', 'objects', 'state', 'detail'], groups.map(groupRow)));
  return parts.join('');
}

function keysText({ method, report, inMemory, throughStorage }: CheckedKeys): string {
  const rows = report.keys.map((key) => [key.id, key.algorithm, dayOf(key.expires), abilities(key), remarkOf(key)]);
  return [
    `encryption  ${methods[method]}\n`,
    `round trip  ${tripText('in memory', inMemory)}; ${tripText('through the storage', throughStorage)}\n`,
    '\n',
    alignedTable(['key', 'algorithm', 'expires', 'can', 'remark'], rows),
  ].join('');
}

function dayOf(date: Date | undefined): string {
  return date === undefined ? '-' : date.toISOString().slice(0, 10);
}

function abilities({ encrypts, decrypts }: KeyFacts): string {
  const words = [...(encrypts ? ['encrypt'] : []), ...(decrypts ? ['decrypt'] : [])];
  return words.length === 0 ? '-' : words.join(',');
}

function remarkOf({ users, remark }: KeyFacts): string {
  return [...users, ...(remark === undefined ? [] : [remark])].join('; ') || '-';
}

function tripText(where: string, trip: RoundTrip | undefined): string {
  switch (trip?.kind) {
    case undefined:
      return `${where} not tried`;
    case 'ok':
      return `${where} ok`;
    case 'half':
      return `${where} encrypted, not decrypted`;
    case 'failed':
      return `${where} failed`;
  }
}

function groupRow(group: CheckedGroup): readonly string[] {
  const worst = worstOf(group);
  if (worst === undefined) return [group.name, '0', '-', 'no objects with data'];
  const count = [...group.counts.values()].reduce((sum, one) => sum + one, 0);
  const affected = group.counts.get(worst) ?? 0;
  const state = affected === count ? states[worst] : `${states[worst]} (${affected} of ${count})`;
  const example = group.examples.find((one) => one.state.kind === worst);
  return [group.name, String(count), state, example === undefined ? '-' : detailOf(group, example)];
}

function worstOf({ counts }: CheckedGroup): StateName | undefined {
  return order.find((state) => counts.has(state));
}

function detailOf({ name }: CheckedGroup, { key, state }: ExaminedObject): string {
  // The folder is that of the group.
  const object = key.slice(key.indexOf(`${name}/`) + name.length + 1);
  const recipients = 'recipients' in state && state.recipients.length > 0 ? `for ${state.recipients.join(', ')}` : '';
  const reason = 'reason' in state ? state.reason : '';
  return [object, recipients, reason].filter((part) => part !== '').join(': ');
}

/** For programs. The names of the states are stable. */
export function keyCheckJson(check: KeyCheck, { problems, warnings }: Verdict): string {
  const { location, keys, groups } = check;
  return JSON.stringify({
    storage: location,
    encryption: keys?.method ?? 'none',
    can_encrypt: keys?.report.canEncrypt ?? false,
    can_decrypt: keys?.report.canDecrypt ?? false,
    keys: keys?.report.keys.map(keyJson) ?? [],
    round_trip: { memory: tripJson(keys?.inMemory), storage: tripJson(keys?.throughStorage) },
    backups: groups.filter(({ kind }) => kind === 'backup').map(groupJson),
    logs: groups.filter(({ kind }) => kind === 'logs').map(groupJson),
    problems: problems.map(({ message }) => message),
    warnings,
  });
}

function keyJson({
  id,
  fingerprint,
  algorithm,
  users,
  created,
  expires,
  encrypts,
  decrypts,
  remark,
}: KeyFacts): object {
  return {
    id,
    fingerprint: fingerprint ?? null,
    algorithm,
    users,
    created: created?.toISOString() ?? null,
    expires: expires?.toISOString() ?? null,
    encrypts,
    decrypts,
    remark: remark ?? null,
  };
}

function tripJson(trip: RoundTrip | undefined): object | null {
  if (trip === undefined) return null;
  return { result: stateNames[trip.kind], error: trip.kind === 'failed' ? trip.error.message : null };
}

const stateNames: Readonly<Record<StateName | RoundTrip['kind'], string>> = {
  otherKey: 'other_key',
  encrypted: 'encrypted',
  damaged: 'damaged',
  clear: 'clear',
  unproven: 'unproven',
  readable: 'readable',
  ok: 'ok',
  half: 'encrypted_only',
  failed: 'failed',
};

function groupJson(group: CheckedGroup): object {
  const worst = worstOf(group);
  return {
    name: group.name,
    state: worst === undefined ? null : stateNames[worst],
    objects: Object.fromEntries([...group.counts].map(([state, count]) => [stateNames[state], count])),
    examples: group.examples.map(({ key, sizeBytes, whole, state }) => ({
      object: key,
      bytes: sizeBytes,
      whole,
      state: stateNames[state.kind],
      recipients: 'recipients' in state ? state.recipients : [],
      reason: 'reason' in state ? state.reason : null,
    })),
  };
}
