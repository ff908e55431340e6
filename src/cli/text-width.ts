/** Texts on a terminal: how many columns they take, and what may be written there of a text that anybody made. */

// Two columns: ideographs and their like, fullwidth forms, and what is shown as a picture.
const WIDE =
  /^(?:[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\u3000-\u303e\u3099-\u30ff\uff01-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation})|\ufe0f/u;
const PLAIN = /^[\x20-\x7e]*$/;
// What moves the cursor, begins an escape sequence, breaks the line or turns its direction.
const CONTROL = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** As people see them: a letter with its accents is one. */
export function charactersOf(text: string): string[] {
  return PLAIN.test(text) ? [...text] : Array.from(segmenter.segment(text), ({ segment }) => segment);
}

export function widthOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  return charactersOf(text).reduce((sum, character) => sum + (WIDE.test(character) ? 2 : 1), 0);
}

export function padded(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

/** The text on one line, and without power over the terminal: `a\nb` for a line feed, `\u001b` for an escape. */
export function printable(text: string): string {
  return text.replace(
    CONTROL,
    (character) => SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
