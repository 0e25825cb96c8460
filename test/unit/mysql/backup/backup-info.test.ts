import { zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { infoFileOf, parseInfoFiles, textOfInfoFile } from '../../../../src/mysql/backup/backup-info.ts';
import { readDumpInfo } from '../../../../src/mysql/backup/dump-header.ts';

const none = { flavor: undefined, serverId: undefined, isExact: true };

describe('the info files of a physical backup', () => {
  it('tell position and LSNs, of MariaDB', () => {
    const info = parseInfoFiles(
      new Map([
        ['xtrabackup_binlog_info', 'mysql-bin.000018\t428\t0-11-26,1-12-5\n'],
        [
          'xtrabackup_checkpoints',
          'backup_type = incremental\nfrom_lsn = 44404\nto_lsn = 9007199254740993\nlast_lsn = 5\n',
        ],
        ['xtrabackup_info', 'uuid = u-1\nname = \ntool_name = mariabackup\nserver_version = 10.11.19-MariaDB-log\n'],
      ]),
    );
    expect(info).toEqual({
      fromLsn: 44404n,
      toLsn: 9007199254740993n,
      uuid: 'u-1',
      serverVersion: '10.11.19-MariaDB-log',
      position: {
        ...none,
        flavor: 'mariadb',
        binlog: 'mysql-bin.000018',
        position: 428,
        gtid: '0-11-26,1-12-5',
        source: 'xtrabackup_binlog_info',
      },
    });
  });

  it('tell a GTID set of MySQL that goes over several lines (made by hand after XtraBackup 8.0)', () => {
    const set = '3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5,\n5e11fa47-71ca-11e1-9e33-c80aa9429562:1-77';
    const { position } = parseInfoFiles(
      new Map([
        ['xtrabackup_binlog_info', `binlog.000003\t1205\t${set}\n`],
        ['xtrabackup_info', 'tool_name = xtrabackup\nserver_version = 8.0.35-27\n'],
      ]),
    );
    expect(position).toMatchObject({ flavor: 'mysql', binlog: 'binlog.000003', gtid: set.replace('\n', '') });
  });

  it('tell the position by xtrabackup_info alone, which also lies beside the stream', () => {
    const line = `binlog_pos = filename 'mysql-bin.000018', position '428', GTID of the last change '0-11-26'`;
    expect(parseInfoFiles(new Map([['mariadb_backup_info', line]])).position).toMatchObject({
      binlog: 'mysql-bin.000018',
      position: 428,
      gtid: '0-11-26',
    });
    expect(
      parseInfoFiles(new Map([['xtrabackup_info', `binlog_pos = filename 'b.1', position '4'`]])).position,
    ).toEqual({
      ...none,
      binlog: 'b.1',
      position: 4,
      gtid: undefined,
      source: 'xtrabackup_binlog_info',
    });
    expect(parseInfoFiles(new Map([['xtrabackup_info', 'no such line']]))).toMatchObject({ position: undefined });
  });

  it('are known by their names in every release, compressed or not', async () => {
    expect(['xtrabackup_info', 'mariadb_backup_info.zst', 'xtrabackup_checkpoints.lz4'].map(infoFileOf)).toEqual([
      'info',
      'info',
      'checkpoints',
    ]);
    expect(infoFileOf('shop/xtrabackup_info.ibd')).toBeUndefined();
    const text = 'to_lsn = 5\n';
    expect(await textOfInfoFile('xtrabackup_info.zst', zstdCompressSync(text))).toBe(text);
    expect(await textOfInfoFile('xtrabackup_info.zst', Buffer.from('damaged'))).toBeUndefined();
    expect(await textOfInfoFile('xtrabackup_info.qp', Buffer.from('?'))).toBeUndefined();
  });
});

describe('a dump', () => {
  it('of MariaDB tells its position in the head and its GTID in the end', () => {
    const head =
      '/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19\n-- Server version\t10.11.19-MariaDB-log\n\n-- CHANGE MASTER TO MASTER_USE_GTID=slave_pos;\n\n' +
      "-- CHANGE MASTER TO MASTER_LOG_FILE='mysql-bin.000001', MASTER_LOG_POS=192076;\n\nCREATE DATABASE x;\nINSERT INTO t VALUES ('\n";
    const tail = "UNLOCK TABLES;\n-- SET GLOBAL gtid_slave_pos='0-1-6';\n-- Dump completed on 2026-11-21 22:30:38\n";
    expect(readDumpInfo(head, tail)).toEqual({
      serverVersion: '10.11.19-MariaDB-log',
      position: {
        ...none,
        flavor: 'mariadb',
        binlog: 'mysql-bin.000001',
        position: 192076,
        gtid: '0-1-6',
        source: 'mysqldump',
      },
    });
  });

  it('of MySQL 8 tells both in the head (made by hand)', () => {
    const head =
      "-- MySQL dump 10.13\n-- Server version\t8.4.2\nSET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ '3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5,\n5e11fa47-71ca-11e1-9e33-c80aa9429562:1-7';\n" +
      "CHANGE REPLICATION SOURCE TO SOURCE_LOG_FILE='binlog.000042', SOURCE_LOG_POS=157;\n";
    expect(readDumpInfo(head, '').position).toMatchObject({
      flavor: 'mysql',
      binlog: 'binlog.000042',
      position: 157,
      gtid: '3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5,5e11fa47-71ca-11e1-9e33-c80aa9429562:1-7',
    });
  });

  it('does not take rows of a table for its own words', () => {
    const head =
      "-- MySQL dump 10.13\nCREATE TABLE t;\nCHANGE MASTER TO MASTER_LOG_FILE='forged.000001', MASTER_LOG_POS=4;\n";
    expect(readDumpInfo(head, '').position).toBeUndefined();
  });
});
