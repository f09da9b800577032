// Numbers in words.

/** @type {(count: number, one: string, many: string) => string} */
export const counted = (count, one, many) => `${count} ${count === 1 ? one : many}`;

/** @type {(ratio: number) => string} */
export const percent = (ratio) => `${Math.round(ratio * 100)} %`;
