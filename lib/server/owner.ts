/** The account that owns everything here: the one that a bucket's name ends with. */
import { appIdOf } from './addressing.js'
import type { XmlElement } from './xml.js'

/** An `Owner` or `Initiator` element. */
export function ownerElement(name: 'Owner' | 'Initiator', bucket: string): XmlElement {
  const id = appIdOf(bucket)
  return [
    name,
    [
      ['ID', id],
      ['DisplayName', id],
    ],
  ]
}
