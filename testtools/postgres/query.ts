import pg from 'pg';

/** A row: every value in its text form, as the server sent it. */
export type Row = Readonly<Record<string, string | null>>;

interface Answer {
  readonly rows: readonly Row[];
}

/** Runs SQL as the superuser over a connection of its own, and answers with the rows of the last statement. */
export async function queryRows(
  server: { readonly host: string; readonly port: number; readonly database: string },
  sql: string,
): Promise<readonly Row[]> {
  const client = new pg.Client({
    ...server,
    user: 'postgres',
    application_name: 'test',
    types: { getTypeParser: () => (value: unknown) => value },
  });
  // A server that is killed between statements must fail the query, not the process.
  client.on('error', () => undefined);
  await client.connect();
  try {
    const result = (await client.query(sql)) as unknown as Answer | readonly Answer[];
    const last = 'rows' in result ? result : result.at(-1);
    return last?.rows ?? [];
  } finally {
    await client.end().catch(() => undefined);
  }
}
