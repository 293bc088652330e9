/** The package's version, as `package.json` has it; a spec compares the two. */
export const VERSION = '0.1.0'
