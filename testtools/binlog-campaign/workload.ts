/** Statements at random, of the kinds that binlogs hold in different ways; the same seed gives the same ones. */
import { seededRandom } from '../seeded-random.ts';

/** The databases that it fills. */
export const workloadDatabases = ['wk', 'wk2'] as const;

/** What makes the databases and the first tables. */
export const workloadSchema = `
CREATE DATABASE wk CHARACTER SET utf8mb4;
CREATE DATABASE wk2 CHARACTER SET latin1;
USE wk;
CREATE TABLE wk.parents (id int AUTO_INCREMENT PRIMARY KEY, name varchar(60), note json, at datetime(6), KEY (name));
CREATE TABLE wk.children (id int AUTO_INCREMENT PRIMARY KEY, parent int NOT NULL, amount decimal(12,3), raw varbinary(400),
  FOREIGN KEY (parent) REFERENCES wk.parents (id) ON DELETE CASCADE);
CREATE TABLE wk.log (id int AUTO_INCREMENT PRIMARY KEY, what varchar(80), n int);
CREATE TABLE wk.plain (id int AUTO_INCREMENT PRIMARY KEY, v varchar(80)) ENGINE=MyISAM;
CREATE TABLE wk.large (id int PRIMARY KEY, body longblob);
CREATE TABLE wk2.\`größe\` (id int PRIMARY KEY, flags bit(12), kind enum('a','b','c'), v text);
CREATE TRIGGER wk.noted AFTER INSERT ON wk.parents FOR EACH ROW INSERT INTO wk.log (what, n) VALUES (NEW.name, NEW.id);
CREATE PROCEDURE wk.several (IN n int) INSERT INTO wk.log (what, n) SELECT concat('several ', seq), seq FROM seq_1_to_50 WHERE seq <= n;
INSERT INTO wk.parents (name, note, at) SELECT concat('parent ', seq), '{"a": 1}', '2026-01-01' FROM seq_1_to_40;
`;

/**
 * Lines without an end, each to be sent alone to one session, and each of one or several transactions. None of them fails
 * and none depends on how long the one before took.
 */
export function* binlogWorkload(seed: number): Generator<string> {
  const random = seededRandom(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const words = ['ünï', "it''s", 'line\\nbreak', '🙂 emoji', 'plain', '/* ! */ -- x', 'a\\\\b'];
  const text = (): string => `${pick(words)}${below(1000)}`;
  const made: string[] = [];
  let names = 0;

  const insertParents = (): string =>
    `INSERT INTO wk.parents (name, note, at) VALUES ${Array.from({ length: 1 + below(4) }, () => `('${text()}', '{"n": ${below(99)}}', now(6))`).join()}`;
  const insertChildren = (): string =>
    `INSERT INTO wk.children (parent, amount, raw) SELECT id, ${below(1e6)} / 1000, unhex(md5(id)) FROM wk.parents ORDER BY id DESC LIMIT ${1 + below(5)}`;
  const deleteParents = (): string => `DELETE FROM wk.parents WHERE id % ${7 + below(40)} = ${below(7)}`;
  const updateParents = (): string =>
    `UPDATE wk.parents SET name = '${text()}', at = now(6) WHERE id % ${2 + below(20)} = ${below(2)}`;
  const upsertSizes = (): string =>
    `INSERT INTO wk2.\`größe\` VALUES (${below(200)}, b'${below(4096).toString(2)}', '${pick(['a', 'b', 'c'])}', 'v${below(99)}') ON DUPLICATE KEY UPDATE v = concat(v, '+'), flags = VALUES(flags)`;
  const change = (): string => pick([insertParents, insertChildren, deleteParents, updateParents, upsertSizes])();
  const inFormat = (format: string, statements: string): string =>
    `SET SESSION binlog_format = '${format}'; ${statements}; SET SESSION binlog_format = 'ROW'`;

  const kinds: readonly (() => string)[] = [
    ...[change, change, change, change],
    () => `BEGIN; ${Array.from({ length: 2 + below(6) }, change).join('; ')}; COMMIT`,
    () => `BEGIN; ${change()}; SAVEPOINT s; ${change()}; ROLLBACK TO s; ${change()}; COMMIT`,
    () => `BEGIN; ${change()}; ROLLBACK`,
    () =>
      inFormat(
        'STATEMENT',
        `SET @n = ${below(50)}; INSERT INTO wk.log (what, n) VALUES (concat('by statement ', now(6)), @n)`,
      ),
    () =>
      inFormat(
        'STATEMENT',
        'INSERT INTO wk.log (what, n) SELECT name, id * rand() FROM wk.parents ORDER BY id LIMIT 5',
      ),
    () => inFormat('MIXED', `${updateParents()}; INSERT INTO wk.log (what, n) VALUES (uuid(), last_insert_id())`),
    () => `CALL wk.several(${1 + below(50)})`,
    () => `INSERT INTO wk.plain (v) VALUES ('${text()}'), ('${text()}')`,
    () => `REPLACE INTO wk.large VALUES (${below(6)}, repeat(unhex(md5(${below(1e6)})), ${1 + below(20_000)}))`,
    () => `SET SESSION gtid_domain_id = ${1 + below(2)}; ${change()}; SET SESSION gtid_domain_id = 0`,
    () => `SET SESSION server_id = ${7 + below(2)}; ${change()}; SET SESSION server_id = 1`,
    () => `XA START 'x'; ${change()}; XA END 'x'; XA PREPARE 'x'; XA COMMIT 'x'`,
    () =>
      `CREATE TEMPORARY TABLE wk.t (id int); INSERT INTO wk.t VALUES (${below(9)}), (11); INSERT INTO wk.log (n) SELECT id FROM wk.t; DROP TEMPORARY TABLE wk.t`,
    () => 'ANALYZE TABLE wk.parents',
    () => 'FLUSH BINARY LOGS',
    () => {
      const name = `wk.made${(names += 1)}`;
      made.push(name);
      return `CREATE TABLE ${name} (id int PRIMARY KEY, v varchar(50)); INSERT INTO ${name} SELECT seq, md5(seq) FROM seq_1_to_${1 + below(300)}`;
    },
    () => (made.length === 0 ? change() : `DROP TABLE ${made.splice(below(made.length), 1)[0] ?? ''}`),
    () =>
      made.length === 0
        ? change()
        : `ALTER TABLE ${pick(made)} ADD COLUMN IF NOT EXISTS c${below(3)} int DEFAULT ${below(9)}`,
    () => (made.length === 0 ? change() : `TRUNCATE TABLE ${pick(made)}; ${change()}`),
    () => {
      const name = `wk.copy${(names += 1)}`;
      made.push(name);
      return `CREATE TABLE ${name} (PRIMARY KEY (id)) AS SELECT id, name FROM wk.parents WHERE id % 3 = 0`;
    },
  ];
  for (;;) yield pick(kinds)();
}
