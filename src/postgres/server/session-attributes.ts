/** Which of several servers is wanted: libpq's target_session_attrs. */
import type { Parameters } from './parameters.ts';
import type { Session } from './session.ts';

const targets = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const;

/** What a server must be; `prefer-standby` is a search for a standby and then for any. */
export type Target = Exclude<(typeof targets)[number], 'prefer-standby'>;

/** The searches to make, one after another. @throws ConnectionParameterError */
export function targetOf(parameters: Parameters): readonly Target[] {
  const target = parameters.word('target_session_attrs', targets) ?? 'any';
  return target === 'prefer-standby' ? ['standby', 'any'] : [target];
}

/** @returns undefined when the server is what is wanted, else an error that says what it is */
export async function isWanted(session: Session, target: Target): Promise<Error | undefined> {
  if (target === 'any') return undefined;
  const [row] = await session.query({
    text: `select pg_catalog.pg_is_in_recovery() as in_recovery, pg_catalog.current_setting('transaction_read_only') as read_only`,
    failure: 'cannot ask the server what it is',
  });
  const inRecovery = row?.['in_recovery'] === 't';
  const readOnly = inRecovery || row?.['read_only'] === 'on';
  const fits = { 'read-write': !readOnly, 'read-only': readOnly, primary: !inRecovery, standby: inRecovery }[target];
  return fits ? undefined : new Error(`the server is not what PGTARGETSESSIONATTRS asks for: "${target}"`);
}
