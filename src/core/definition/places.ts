/** How errors say where in a workflow something stands: `checkout, step 2, branch "invoice", step 1`. */

export const stepPlace = (place: string, index: number): string => `${place}, step ${index + 1}`;

export const bodyPlace = (place: string, branch: string): string => `${place}, branch ${JSON.stringify(branch)}`;
