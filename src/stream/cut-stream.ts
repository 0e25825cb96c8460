/**
 * Finds out streams that end too early, as far as that can be told cheaply from how they begin and end: nothing is decoded.
 * A pipe does not tell when its producer has failed.
 */
import type { ByteSource, Stage } from '../bytes/stage.ts';
import { CorruptError } from '../errors.ts';

/** What is let pass. */
export interface CutStreamOptions {
  readonly allowEmpty: boolean;
  /** Dumps without their last line. */
  readonly allowIncomplete: boolean;
  /** For errors: `standard input`. */
  readonly what: string;
}

/** What a stream begins with, and what it then must end with. */
interface Form {
  readonly name: string;
  readonly begins: (head: Buffer) => boolean;
  readonly isWhole: (tail: Buffer) => boolean;
}

const headBytes = 4096;
/** A line in the end may be followed by statements that put settings back. */
const tailBytes = 4096;

const tarMagicAt = 257;
const tarEndBytes = 1024;

const forms: readonly Form[] = [
  {
    name: 'dump of mysqldump or mariadb-dump',
    begins: (head) => /^(?:\/\*.*\n)*-- (?:MySQL|MariaDB) dump /.test(head.toString('latin1')),
    isWhole: (tail) => /^-- Dump completed/m.test(tail.toString('latin1')),
  },
  {
    name: 'dump of pg_dump',
    begins: (head) => /^--\n-- PostgreSQL database (?:cluster )?dump\n/.test(head.toString('latin1')),
    isWhole: (tail) => /^-- PostgreSQL database (?:cluster )?dump complete/m.test(tail.toString('latin1')),
  },
  {
    name: 'tar archive',
    begins: (head) => head.toString('latin1', tarMagicAt, tarMagicAt + 5) === 'ustar',
    isWhole: (tail) => tail.length >= tarEndBytes && tail.subarray(-tarEndBytes).every((byte) => byte === 0),
  },
];

/** Lets a stream pass, and ends with an error instead when it is found to be cut. @throws CorruptError */
export function refuseCutStream({ allowEmpty, allowIncomplete, what }: CutStreamOptions): Stage {
  return async function* (source): ByteSource {
    let head: Buffer = Buffer.alloc(0);
    let tail: Buffer = Buffer.alloc(0);
    let length = 0;
    for await (const chunk of source) {
      length += chunk.length;
      if (head.length < headBytes) head = Buffer.concat([head, chunk.subarray(0, headBytes - head.length)]);
      const kept = chunk.length < tailBytes ? tail.subarray(chunk.length - tailBytes) : Buffer.alloc(0);
      tail = Buffer.concat([kept, chunk.subarray(-tailBytes)]);
      yield chunk;
    }
    if (length === 0 && !allowEmpty) {
      throw new CorruptError(`nothing came from ${what}`, {
        hint: 'Whatever was to make the backup has probably failed. If an empty backup is what you want, say --allow-empty.',
      });
    }
    const form = allowIncomplete ? undefined : forms.find(({ begins }) => begins(head));
    if (form !== undefined && !form.isWhole(tail)) {
      throw new CorruptError(`${what} begins as a ${form.name} and ends too early, after ${length} bytes`, {
        hint: 'The program that made it has probably failed: see what it said. To store it anyway, say --allow-incomplete.',
      });
    }
  };
}
