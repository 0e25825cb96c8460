/** Where things lie in an account of Swift. */

/** Where an object lies in the account. */
export interface ObjectPlace {
  readonly container: string;
  /** Its whole name; undefined: the container itself. */
  readonly name?: string | undefined;
}

/** Its URL. */
export function urlOf(
  storageUrl: string,
  { container, name }: ObjectPlace,
  query: Readonly<Record<string, string | undefined>> = {},
): URL {
  const pairs = Object.entries(query).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${encodeURIComponent(value)}`],
  );
  return new URL(`${storageUrl}/${pathOf({ container, name })}${pairs.length === 0 ? '' : `?${pairs.join('&')}`}`);
}

/** Container and name with everything but slashes escaped, without a slash at its start. */
export function pathOf({ container, name }: ObjectPlace): string {
  const path = name === undefined ? '' : `/${name.split('/').map(encodeURIComponent).join('/')}`;
  return `${encodeURIComponent(container)}${path}`;
}
