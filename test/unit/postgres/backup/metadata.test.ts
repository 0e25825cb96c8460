import { describe, expect, it } from 'vitest';
import { CorruptError } from '../../../../src/errors.ts';
import {
  formatBackupMetadata,
  metadataOfSentinel,
  parseBackupMetadata,
} from '../../../../src/postgres/backup/metadata.ts';
import { parseSentinel } from '../../../../src/postgres/backup/sentinel.ts';
import { storedTexts } from '../../../../testtools/catalogue.ts';

const text =
  '{"start_time":"2026-11-21T03:31:49.651005Z","finish_time":"2026-11-21T03:31:50.894604Z","date_fmt":"%Y-%m-%dT%H:%M:%S.%fZ","hostname":"vm","data_dir":"/pg","pg_version":150020,"start_lsn":67108904,"finish_lsn":67109120,"is_permanent":false,"system_identifier":7710462313664340823,"uncompressed_size":9611692,"compressed_size":1948910,"user_data":{"a":1.10,"n":18446744073709551615}}';

describe('metadata.json', () => {
  it.each(storedTexts('metadata.json'))('of WAL-G is written as it was read: %s', (_path, stored) => {
    expect(formatBackupMetadata(parseBackupMetadata(stored))).toBe(stored);
  });

  it('keeps 64-bit numbers and other people’s user data when it is rewritten', () => {
    const marked = formatBackupMetadata({ ...parseBackupMetadata(text), isPermanent: true });
    expect(marked).toBe(text.replace('"is_permanent":false', '"is_permanent":true'));
  });

  it('writes an unknown system identifier as null, and leaves out missing user data', () => {
    const metadata = parseBackupMetadata(text);
    const written = formatBackupMetadata({ ...metadata, systemIdentifier: undefined, userData: undefined });
    expect(written).toContain('"system_identifier":null,');
    expect(written).not.toContain('user_data');
    expect(parseBackupMetadata(written).systemIdentifier).toBeUndefined();
  });

  it('can be had from the sentinel', () => {
    const sentinels = new Map(storedTexts('sentinel'));
    for (const [path, stored] of storedTexts('metadata.json')) {
      const sentinel = sentinels.get(path.replace('/metadata.json', '_backup_stop_sentinel.json')) ?? '';
      expect(metadataOfSentinel(parseSentinel(sentinel))).toEqual(
        // backup-mark changes only this object.
        { ...parseBackupMetadata(stored), isPermanent: parseSentinel(sentinel).summary?.isPermanent },
      );
    }
  });

  it.each(['start_time', 'finish_time', 'start_lsn', 'finish_lsn'])('without %s is refused', (key) => {
    const without = text.replace(new RegExp(`"${key}":[^,]*,`), '');
    expect(() => parseBackupMetadata(without)).toThrow(CorruptError);
    expect(() => parseBackupMetadata(without)).toThrow(`metadata lacks "${key}"`);
  });
});
