/** Verbs of WAL-G and of later versions, so that a script that calls one is told so and not sent looking for a typing error. */
export const commandsKnownLater: ReadonlySet<string> = new Set([
  ...['catchup-receive', 'catchup-send'],
  ...['daemon', 'pgbackrest'],
]);
