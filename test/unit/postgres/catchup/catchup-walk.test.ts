import { describe, expect, it } from 'vitest';
import { parseCatchupLsn } from '../../../../src/postgres/catchup/catchup-lsn.ts';
import { catchupWalk, requireReached } from '../../../../src/postgres/catchup/catchup-walk.ts';
import { parseLsn } from '../../../../src/postgres/lsn.ts';
import { clusterEntry } from '../../../../testtools/cluster-entries.ts';

describe('what a catchup takes of the primary', () => {
  it('leaves out files of configuration, wherever they are, and counts the others', () => {
    const entries = [
      clusterEntry('/', { type: 'directory', sizeBytes: 0 }),
      clusterEntry('/postgresql.conf'),
      clusterEntry('/postgresql.auto.conf'),
      clusterEntry('/conf/pg_hba.conf', { type: 'symlink', sizeBytes: 0 }),
      clusterEntry('/pg_ident.conf', { sizeBytes: 10 }),
      clusterEntry('/base/5/1'),
    ];
    const walk = { entries, controlFile: undefined, tablespaces: [], catalogBytes: 1, fileBytes: 1 };
    const { entries: kept, fileBytes } = catchupWalk(walk);
    expect(kept.map(({ name }) => name)).toEqual(['/', '/pg_ident.conf', '/base/5/1']);
    expect(fileBytes).toBe(8202);
  });

  it('is refused from an LSN that the server has not reached', () => {
    const startLsn = parseLsn('0/2000000');
    const from = (text: string) => () => {
      requireReached({ fromLsn: parseLsn(text) }, { startLsn });
    };
    expect(from('0/2000000')).not.toThrow();
    expect(from('0/2000001')).toThrow('the server is only at 0/2000000');
  });
});

describe('--from-lsn', () => {
  it.each([
    ['33554472', '0/2000028'],
    ['0', '0/0'],
    ['18446744073709551615', 'FFFFFFFF/FFFFFFFF'],
    ['16/b374d848', '16/B374D848'],
  ])('reads %s', (text, lsn) => {
    expect(parseCatchupLsn(text)).toBe(parseLsn(lsn));
  });

  it.each(['', '-1', '1.5', '0x10', '18446744073709551616', '1/2/3', ' 7', '123456789/0'])('refuses "%s"', (text) => {
    expect(() => parseCatchupLsn(text)).toThrow(expect.objectContaining({ kind: 'usage' }));
  });
});
