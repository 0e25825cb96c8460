import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArchiverError } from '../../../../src/errors.ts';
import { formatSentinel, parseSentinel, rewriteSentinel } from '../../../../src/mysql/backup/sentinel.ts';
import { fixtureFile } from '../../../../testtools/fixture.ts';

const full =
  '{"Tool":"WALG_XTRABACKUP_TOOL","BinLogStart":"mysql-bin.000007","BinLogEnd":"mysql-bin.000008","StartLocalTime":"2026-11-21T03:28:47.944854Z","StopLocalTime":"2026-11-21T03:28:48.238844Z","UncompressedSize":19265325,"CompressedSize":1029836,"Hostname":"vm","ServerUUID":"3e11fa47-71ca-11e1-9e33-c80aa9429562","ServerVersion":"8.0.35-27","ServerArch":"amd64","ServerOS":"linux","IsPermanent":false,"IsIncremental":false,"UserData":{"n":[1,2],"why":"\\u003cbrotli\\u003e"},"LSN":9007199254740993,"DeltaLSN":0,"DeltaCount":0}';

describe('a sentinel of MySQL', () => {
  it('is written as WAL-G wrote it, with LSNs that no double holds', () => {
    const sentinel = parseSentinel(full);
    expect(sentinel).toMatchObject({ kind: 'full', tool: 'xtrabackup', toLsn: 9007199254740993n, fromLsn: 0n });
    expect(formatSentinel(sentinel)).toBe(full);
  });

  it.each(['stream_20261121T032840Z', 'stream_20261121T032859Z'])(
    'of the fixture, %s, is written as it was',
    (name) => {
      const text = fixtureFile(
        'mariadb-streams',
        `storage/basebackups_005/${name}_backup_stop_sentinel.json`,
      ).toString();
      expect(formatSentinel(parseSentinel(text))).toBe(text);
    },
  );

  it('of an increment says what it builds on', () => {
    const sentinel = parseSentinel(
      '{"IsIncremental":true,"DeltaFrom":"a","DeltaFullName":"b","DeltaCount":2,"LSN":7,"DeltaLSN":5}',
    );
    expect(sentinel).toMatchObject({ kind: 'increment', parent: 'a', root: 'b', steps: 2, toLsn: 7n, fromLsn: 5n });
    expect(formatSentinel(sentinel)).toContain('"DeltaLSN":5,"DeltaFrom":"a","DeltaFullName":"b","DeltaCount":2}');
  });

  it('of 2019 has three keys, or less', () => {
    expect(parseSentinel('{"StartLocalTime":"2019-06-01T12:00:00.5+03:00"}')).toMatchObject({
      kind: 'full',
      tool: 'unspecified',
      binlogStart: undefined,
      startTime: 1_559_379_600_500_000_000n,
      stopTime: undefined,
    });
    expect(parseSentinel('{}')).toMatchObject({ kind: 'full', isPermanent: false, toLsn: undefined });
  });

  it('rounds times up to microseconds and writes unknown ones as WAL-G does', () => {
    const text = formatSentinel({ ...parseSentinel('{}'), startTime: 1_000_000_001n });
    expect(text).toMatch(/"StartLocalTime":"1970-01-01T\d\d:\d\d:01\.000001/);
    expect(text).toContain('"StopLocalTime":"0001-01-01T00:00:00Z"');
  });

  it('keeps what nobody here knows when something in it is changed', () => {
    const text =
      '{"Zebra":{"b":1.10,"a":2},"IsPermanent":false,"LSN":18446744073709551615,"StartLocalTime":"2026-11-21T03:28:47.1+01:00"}';
    expect(rewriteSentinel(text, { isPermanent: true })).toBe(text.replace('false', 'true'));
    expect(rewriteSentinel('{"A":1}', { parent: 'x_a', root: 'x_b' })).toBe(
      '{"A":1,"DeltaFrom":"x_a","DeltaFullName":"x_b"}',
    );
  });

  it('that is not one is refused as such', () => {
    for (const text of ['', '[]', '{"LSN":"x"}', '{"IsIncremental":true}', '{"DeltaFrom":"a"}']) {
      expect(() => parseSentinel(text), text).toThrow(ArchiverError);
    }
    fc.assert(
      fc.property(fc.json(), (text) => {
        try {
          parseSentinel(text);
        } catch (error) {
          expect(error).toBeInstanceOf(ArchiverError);
        }
      }),
      { numRuns: 200 },
    );
  });
});
