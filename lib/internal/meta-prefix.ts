/** What the service puts before every user metadata name on the wire. */
export const META_PREFIX = 'x-cos-meta-'
