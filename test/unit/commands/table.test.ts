import { expect, it } from 'vitest';
import { alignedTable, box, boxTable } from '../../../src/commands/table.ts';

it('an aligned table pads every column but the last', () => {
  expect(
    alignedTable(
      ['a', 'long'],
      [
        ['wide', 'x'],
        ['ü', 'y'],
      ],
    ),
  ).toBe('a    long\nwide x\nü    y\n');
});

it('a boxed table numbers its rows from 0 and counts characters, not bytes', () => {
  expect(boxTable(['N'], [['é'], ['ab']])).toBe(
    ['+---+----+', '| # | N  |', '+---+----+', '| 0 | é  |', '| 1 | ab |', '+---+----+', ''].join('\n'),
  );
});

it('a box has titles and cells of numbers at the right, and is drawn without rows, too', () => {
  const columns = [{ title: 'N', right: true }, { title: 'STATUS' }, { title: 'BYTES', right: true }];
  expect(box(columns, [['10', 'OK', '1234567']])).toBe(
    [
      '+----+--------+---------+',
      '|  N | STATUS |   BYTES |',
      '+----+--------+---------+',
      '| 10 | OK     | 1234567 |',
      '+----+--------+---------+',
      '',
    ].join('\n'),
  );
  expect(box(columns.slice(0, 1), [])).toBe('+---+\n| N |\n+---+\n+---+\n');
});
