// One process of peer.go, which has the official COS Go SDK in it.
//
//   SEALSTREAM_GO_PEER   peer.go, built; where a go.mod requires github.com/tencentyun/cos-go-sdk-v5 and
//                        github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/kms: go build -o go-peer peer.go
//
// All connections to the store go to one port of 127.0.0.1, and so does its KMS client.
import { LinePeer } from './line-peer.js'

/**
 * @returns undefined where no program is named.
 * @throws NotInstalled
 */
export async function startGo(folder) {
  const program = process.env.SEALSTREAM_GO_PEER
  if (program === undefined) return undefined
  const peer = await LinePeer.start({ sdk: 'Go SDK', command: [program], folder, kmsHost: '127.0.0.1' })
  peer.version = `cos-go-sdk-v5 ${peer.said.ready} on Go ${peer.said.go}`
  return peer
}
