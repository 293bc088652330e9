// One Java process with the official COS Java SDK in it; Java 17 or newer, which compiles Peer.java by itself.
//
//   SEALSTREAM_JAVA_CLASSPATH   the SDK (Maven: com.qcloud:cos_api) and everything it needs, among them Tencent Cloud's KMS
//                               client; where a pom.xml depends on it: mvn dependency:build-classpath
//   SEALSTREAM_JAVA             the Java to run; default java
//
// Its host names are looked up in one file, so that nothing it asks for can leave this machine.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LinePeer } from './line-peer.js'

const PROGRAM = fileURLToPath(new URL('Peer.java', import.meta.url))

// The SDK's KMS client signs for the service that the first label of its endpoint names.
const KMS_HOST = 'kms.tencentcloudapi.com'

/**
 * @returns undefined where no class path is named.
 * @throws NotInstalled
 */
export async function startJava(folder) {
  const classpath = process.env.SEALSTREAM_JAVA_CLASSPATH
  if (classpath === undefined) return undefined
  const hosts = join(folder, 'hosts')
  await writeFile(hosts, `127.0.0.1 localhost ${KMS_HOST}\n`)
  const options = ['-Xmx512m', '-XX:TieredStopAtLevel=1', `-Djdk.net.hosts.file=${hosts}`]
  const command = [process.env.SEALSTREAM_JAVA ?? 'java', ...options, '-cp', classpath, PROGRAM]
  const peer = await LinePeer.start({ sdk: 'Java SDK', command, folder, kmsHost: KMS_HOST })
  peer.version = `cos-java-sdk-v5 ${peer.said.ready} on Java ${peer.said.java}`
  return peer
}
