import { expect, it } from 'vitest';
import { alignedTable, boxTable } from '../../../src/commands/table.ts';

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
