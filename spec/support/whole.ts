/** Whether batteries run whole, with `SEALSTREAM_WHOLE=1`, not only what proves the same in every `npm test`. */
export const IS_WHOLE = process.env.SEALSTREAM_WHOLE === '1'
