/** How lines look where they are shown. */
import { styleText } from 'node:util';

export interface Look {
  readonly colours: boolean;
  /** How wide a line may be; as long as it is, when left out. */
  readonly columns?: number | undefined;
  readonly now: number;
}

export type Colour = 'green' | 'red' | 'yellow' | 'cyan' | 'dim';

export type Paint = (colour: Colour | undefined, text: string) => string;

export function painter(colours: boolean): Paint {
  return (colour, text) =>
    !colours || colour === undefined || text === '' ? text : styleText(colour, text, { validateStream: false });
}
