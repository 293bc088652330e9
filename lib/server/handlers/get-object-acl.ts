import { appIdOf } from '../addressing.js'
import { xmlAnswer } from '../answer.js'
import { findVersion, versionHeaders, versionOf } from '../find-version.js'
import type { Handler } from '../handler.js'
import { ownerElement } from '../owner.js'
import type { XmlElement } from '../xml.js'

const GROUPS = 'http://cam.qcloud.com/groups/global'

/** GET Object acl. The owner, and the group that a canned rule lets read. */
export const getObjectAcl: Handler = async ({ request, objects }) => {
  const { bucket } = request
  const record = await findVersion(objects, request, versionOf(request))
  const acl = record.acl ?? 'default'
  const grants = [grantElement(['ID', appIdOf(bucket)], 'FULL_CONTROL')]
  if (acl === 'public-read') grants.push(grantElement(['URI', `${GROUPS}/AllUsers`], 'READ'))
  if (acl === 'authenticated-read') {
    grants.push(grantElement(['URI', `${GROUPS}/AuthenticatedUsers`], 'READ'))
  }
  return xmlAnswer(['AccessControlPolicy', [ownerElement('Owner', bucket), ['AccessControlList', grants]]], {
    ...versionHeaders(record),
    'x-cos-acl': acl,
  })
}

function grantElement(grantee: XmlElement, permission: string): XmlElement {
  return [
    'Grant',
    [
      ['Grantee', [grantee]],
      ['Permission', permission],
    ],
  ]
}
