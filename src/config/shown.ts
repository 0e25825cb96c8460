/** What of a setting's value may be shown, in messages and in the log. */

const hidden = '***';

/** Key material in a setting that isn't one for it, such as that of a path: armored blocks, 32 bytes in hex or base64. */
const keyShapes = [/-----BEGIN /, /^\s*[0-9A-Fa-f]{64}\s*$/, /^\s*[A-Za-z0-9+/]{43}=\s*$/];

/** Whether a text is a key itself, where the place of one was asked for. */
export function looksLikeKey(text: string): boolean {
  return keyShapes.some((shape) => shape.test(text));
}

/** The text with `***` for passwords in URLs and connection strings, and for a key that got where it doesn't belong. */
export function shownText(text: string): string {
  if (looksLikeKey(text)) return hidden;
  return text
    .replace(/(:\/\/[^/?#\s:@]*):[^/?#\s]*@/g, `$1:${hidden}@`)
    .replace(/\b(password|passwd|pwd|secret|token)(\s*=\s*)(?:'(?:[^'\\]|\\.)*'|[^\s&;,]+)/gi, `$1$2${hidden}`);
}

/** The value of a setting as it may be shown. */
export function shownValue({ secret }: { readonly secret: boolean }, text: string): string {
  return secret ? hidden : shownText(text);
}
