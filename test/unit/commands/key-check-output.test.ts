import { describe, expect, it } from 'vitest';
import type { CheckedGroup } from '../../../src/catalog/key-check/groups.ts';
import type { KeyCheck } from '../../../src/catalog/key-check/key-check.ts';
import { keyCheckJson, keyCheckText } from '../../../src/commands/key-check-output.ts';
import { ArchiverError } from '../../../src/errors.ts';

const group: CheckedGroup = {
  kind: 'backup',
  name: 'base_1',
  counts: new Map([
    ['readable', 2],
    ['otherKey', 1],
  ]),
  examples: [
    { key: 'basebackups_005/base_1/a.lz4', sizeBytes: 10, whole: true, state: { kind: 'readable' } },
    {
      key: 'basebackups_005/base_1/tar_partitions/b.lz4',
      sizeBytes: 20,
      whole: false,
      state: { kind: 'otherKey', recipients: ['AB', 'CD'], reason: 'no key fits' },
    },
  ],
};
const empty: CheckedGroup = { kind: 'backup', name: 'base_2', counts: new Map(), examples: [] };
const key = {
  id: 'AB',
  algorithm: 'RSA 2048',
  users: ['x <x@y>'],
  created: new Date('2020-01-02T03:04:05Z'),
  expires: new Date('2030-01-02T03:04:05Z'),
  encrypts: true,
  decrypts: false,
  remark: 'only the public part is here',
};
const check: KeyCheck = {
  location: 'file:///archive',
  keys: {
    method: 'openpgp',
    report: { canEncrypt: true, canDecrypt: false, keys: [key] },
    inMemory: { kind: 'half' },
    throughStorage: { kind: 'failed', error: new ArchiverError('forbidden', 'not allowed') },
  },
  groups: [group, empty],
};

describe('the result of a check of keys', () => {
  it('is a table for people, with the worst of each backup', () => {
    expect(keyCheckText(check)).toBe(
      [
        'storage     file:///archive',
        'encryption  OpenPGP',
        'round trip  in memory encrypted, not decrypted; through the storage failed',
        '',
        'key algorithm expires    can     remark',
        'AB  RSA 2048  2030-01-02 encrypt x <x@y>; only the public part is here',
        '',
        'name   objects state                    detail',
        'base_1 3       for another key (1 of 3) tar_partitions/b.lz4: for AB, CD: no key fits',
        'base_2 0       -                        no objects with data',
        '',
      ].join('\n'),
    );
    expect(keyCheckText({ location: 'x', keys: undefined, groups: [] })).toBe('storage     x\nencryption  none\n');
  });

  it('is JSON for programs', () => {
    const verdict = { problems: [{ kind: 'forbidden', message: 'p', hint: 'h' }], warnings: ['w'] } as const;
    expect(JSON.parse(keyCheckJson(check, verdict))).toMatchObject({
      storage: 'file:///archive',
      encryption: 'openpgp',
      can_encrypt: true,
      can_decrypt: false,
      keys: [{ id: 'AB', fingerprint: null, expires: '2030-01-02T03:04:05.000Z', remark: key.remark }],
      round_trip: {
        memory: { result: 'encrypted_only', error: null },
        storage: { result: 'failed', error: 'not allowed' },
      },
      backups: [
        {
          name: 'base_1',
          state: 'other_key',
          objects: { readable: 2, other_key: 1 },
          examples: [{}, { object: 'basebackups_005/base_1/tar_partitions/b.lz4', recipients: ['AB', 'CD'] }],
        },
        { name: 'base_2', state: null, objects: {}, examples: [] },
      ],
      logs: [],
      problems: ['p'],
      warnings: ['w'],
    });
  });
});
