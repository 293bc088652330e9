/**
 * RSA keys made for testing: fixed ones, so that no spec waits for a new one and all runs are the same. Those of 2049 and 3073 bits
 * have primes of two lengths: OpenSSL itself makes moduli of an even length only.
 */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { objectCases } from './vectors.js'

const PEM_1024 = `-----BEGIN PRIVATE KEY-----
MIICdwIBADANBgkqhkiG9w0BAQEFAASCAmEwggJdAgEAAoGBAMw5uvL4z0Tj0jHp
CFOcFv2qBPktq4WBILrsJN2oZhmTMh75MizbyXGD79tB847/SZ1WXupzoeDNXKhM
IDQMBy5vgsayRWSkZ3thC8IVM97Ffba/UcpAp7hSxFXuvyRh2Z7wlN5L0NgnHB2N
OUzJpN6i6F00ww9yeWClu2V9OOtvAgMBAAECgYEAklekAUwNqn3eN2mXT+KADxFw
MuZpDGe1fnyNBlEPqK/zsII9VCvCtBcpH2KpFwUUSSyFI1fs3dwK04aJZQJhebmd
DOksGSWN9O3udnXlGa06igdOCrSY6QXTRETtDMbdx5Tne7SY6AkAseOztvrV8+kM
UDhfQXeF4RJMO1XK7kECQQD8b7/PNENiW9pm8V2CjalBaZgiN03TvTfKiWUHoeNo
d6vDFofMF+VpsLMLNcZOyzPLuMWOyHeIXVvJntRk6K5fAkEAzxvBw6xeLsOPpIiB
WnMZzNcaTBOCKBoaqq4rFohcZOvR0s0gXi7ouJjD6qK61JJ7NppPMq14ciG6hqxL
qEG88QJAJQv5aF1RLlQwnz747DoCBvmKPCtFnrd8QpsbWp1llGVLrdvWnhs7reEi
xZhkvBeSSGmbhLLi5/5bhCFtJkoHnQJAVL13r5dURfAQUvLjcl3L/as5gE0vITdl
F9cBnEuY+lYe2RDDIKYy5GzlJJkGtrlknrfOld6yfIheaIIQxrx3EQJBAJuNS+Sk
6+ptXD0ItdoDzFTipTHuU88W9v54nHPPTuZxWotCanTZnWwxs6A4iXbvrxuLods6
30MxpWoJrxk5oSM=
-----END PRIVATE KEY-----
`

const PEM_2049 = `-----BEGIN PRIVATE KEY-----
MIIEwAIBADANBgkqhkiG9w0BAQEFAASCBKowggSmAgEAAoIBAQG3BKakiSQTebxa
ymb+5JV7fYaKhJ90LJZPrmlWJ/o/23HtJXwopL7D6Y99UNA/uxJsUQDSwmoJAk+B
l6Jb97y/yuCkvUil87voEGPN2eHR5fmqaE4/N4RslHFAUWQQeP2JzfAeq40NKYbX
vqtW7teS4VRUQbRsgcqeXDiVBtouo/dTnjZCVJRJcLoDruqkkeCibxyrD1bQN+jz
Ag80N9iO513/k95wbD23MUZVN2JH0nwsPxWy7A7kMcOBFd1YtLEzQPh1Qj0NBvIs
ITEIC+f6a+JlpB46t2j9a0rYnJH/s7xWomCs0jdcBsj7nglIdK1gTDBsiwP2PVKX
SFAyKYgzAgMBAAECggEBANG0lglYPPRUnSVdM2+kLsdLQZ4fFa+/sJklPcna1M31
++iElFcxwrIAefspRCB9MqKs2tDR7yaYhPPpQ7PclbujpETs6avjzile0t28qwLB
cM32fxHxaf8XtTU866h2st1FkuKDnZ/g6zlZKa0f77eIjOimbhG6udeFQ73kBQpr
ERjvd4u8V+xpmL+0PEPOAM6OK769nTel/TIdedbge12UqPyVXXsZe5HyQ7QAySNP
k2/Lsc8Mn24G9/0YXqmbTW0YAu1icggr4yxeKL6fJwMtLerhVY0dwiWfKc0te/W5
fFoRxwzCfZU1G2LWPHMELxDWlC9r/bxgaTDz6h6BXNECgYEB3+igsZDaWqVYeiZI
j/GF6jmZySyrxqRdtT3fdAoq1vJFBVBjhYObWcheviuWmqR+nDpBgym4VplniGE9
LvnTDBFccrWZdusHbcoTfCECVjLO/gYL6MS3l8uTMiPPp44e0eWILJHnPHFed7Xl
zT5bSqXTL5nrUxnX0OnNDQ8iDBsCgYEA6jAEV7srN0WABaEwL6LDTsOUlOHwrzpK
1VyVIkWVCe+nLLxid6cYEBJ2NaX7HeDVcV9wRD7hYkImse2bwouD3S2weuCcqu3V
dPU9VQWW+skj+BKiDy+g4ZRbczBN9RKnAyAeUvaKGvvGmCPTmkawp4Ss0xPD4jfL
4rO2Q1qshckCgYEBs6K09Fr8i5pahY9pARmKqYMeIasmR0x/L/35cJmmJ7aGhvth
TBqak9a6gkCJFtnJgMG1JH5jsmDQxdEXPCRVuzerRwmoRHW3KadtJpnESEEY+yi7
+NFRoz6N4M73Oi9dtMV6ZpMPaCO1UE/TSguXzVxYJ3a+UpI8AY2qsHcTPg8CgYEA
s6EjI5wIePvRSAAscs1428h/BngL4oxm7CN4rPIMcLOnWlQhfz/m4CUZEOuAo5la
fvzCo0ZMIM822RG1gNL80UGDda0l3qJRMcYORlHkTfbMpTK9pcJVt9HRF5i8ozes
bWRMfjxnEG2BFh+c5mBEjinhWoJ1pOZBeGF6c01wuakCgYEBjEHQX0QuRQXjN2dy
jLnEpqVinQ/ZZx6dKSXJbL3RDNRNf9jB2DUnQev2uxa4rf7nZGziw+rN2hvWGCdU
fxiG2r1WogVQrzOy3SFv15Nqmj80p34YIbeSrCtuJZC8SZOTCfH7ZQJHfjz0zH7o
29M2TL4ZBkUlgkGZ11EAKMByjEA=
-----END PRIVATE KEY-----
`

const PEM_3072 = `-----BEGIN PRIVATE KEY-----
MIIG/gIBADANBgkqhkiG9w0BAQEFAASCBugwggbkAgEAAoIBgQDAyFgvytchvKDG
Qc5Q3v9/0+ES59YoSsDCWH7GoPNDNrz9QDjUYQ7P2fSdU7/hZ3IKP4xVHVWSmAym
kPL6IVvMZYodPDUsCSPJiJPXNv3CtLiwHXetcmw6vKakvN4fg5iu1lL/ipAR89sX
cjEzTfj+i8FTVetE8bsOjLUcE671hEJG6y4y2JO4gr+BzKvwFV9N4ArvP5qc55EK
3wYQ/Nw7dKJvKYoAv7dZZNXZ1FpxfWc0eC/MyWFUCkXIcd2Ho+ml2AzteTHI6bIk
1SRMphXglOdOnl8Npa5oBxnIUas/fQggs7uIng6+1r2Umn056HeSJy5/AKdkfweq
AmzG6FXMlDOi3Te4OXLTt6kYFqSXZrZIGGGuJ9m+mh58adyptifO93jHqQlzFI9o
3ObAbNIbC0ucm4V6lxYaw867CWKh6BhZrjDHtJsDrq7rPBr3Pu7xUyeJn7d4bqyg
S4v10CvMo8YnpwbSA0tY+Kh9fcyoGH4LPrH7aEmTl952vlqnYCkCAwEAAQKCAYAO
BNOi4BN+XM7tM95as6itRT1eCFVitzLmvxQzAgPGnL2oBepMCWXQGBepdCxlKgZZ
N+9OxjQRlbR/zVUZ+uCHz894Gkd8lQqQ7nlfwlw4Mzel+PKZvpMfv1W375MQhBuP
hT7iXdNlts+1GAT7Z91mN0f+9SXHbPOvFmzaJpVHvc8rBJGmuWiel4VxHS7Ypdk5
GsR4yu2FoPJDcd3pUNX8Ddp9Dm5+aPKekc5aSY6tJ5Mgdef18qP8/kU+UwdqxHDJ
9Ao9hI+ms7oIn2K7L7YlmeEW18msRl9g6y38HtKFkfHAV7uBUAerIDv6ndUdLTKU
5nLM3b8VrhIfpXNKJa9EPpbxUCoxYkbGg+xPGLw0toARX9mgPOukrF7tnQ5GCEEA
1QfqdZBp3VVpLeb5O2Wy2jeCnbP+ohsm1MUbn5d/VDnUkmjC8/5e7n/V05UDNpw8
TTZu6vE5x6Z6YfDfcdEVKor23KBCu7ToweFCqZuaF1m+SnkG54FE31rb9i6gog0C
gcEA9yB/Lh2k0lii/Zwxr6BOem+kaU9cXHmMN2Sge3I2HiXVuICghIFcWnqhJcYo
97f18v3B7iU0txKir8gACcBvzt99IuEzjFAlHwHQ9qE0XCIT7Y0K40vBTYNFJGsH
AowBY2wq8YNrV7dTP1ZD3NHOfiKyeHUS6TMAVzxtJeApOOyMGNcpxTHaa19dhKzP
Il7j3Zjkb+HnzoDphqZO8ZimcgmIIA4vM122VucY79RAr/a5fXg+w0gzp1C3ablP
QBhlAoHBAMe0VW+ZXpCQuWcYiZ7PzXqjFRBC/ZXsFOgFJJ0D18leN21ziIq17K37
0YGZni+Bl1TX3xmCgmFMcY/1lyEmlkQVGOn9CV2x4uNdsPhgZ9BxB4JCOw51qgyO
zmLqCfRvPb3uIRrB8Je0dL0RlF1tp3ZKdr6kI3O/VZGvG59bQTromqxyxjVFzo1H
LdKdfG3hYCDuZRievel0kETg1i6hIFc5nM3p+YJQI1vrxSkIAbSV9zpUB69mwQRZ
ibz3Xm6ydQKBwQD20VcUiPjoOSy43TpmrVYURNLRdzjJB4C6hl8eTAiu/ZzCRH2N
OeIyX834+zxJhUs44KbDIhfPTOZ9Z+RZ2QASfvXtUzz3w8f/ewHogULZThPXKwoX
z76FmzkAUYDT019DnHIbeuVH20pitNbcghOZuS/EzTERBiYt+qUMsiCZwO9/k84d
LFh46uttKmdKbblpxl1JPTgW8HvMRugLtilvNgPl+CS+SbdmfjNSvQvKc0H5hZIx
2jf0wNIe3ry/SF0CgcEAvr+rE2uE/cSesrCnUr/d3pPC3MOAACF9Xpj6/dbb2AVc
H/lIpGVcalqrJIUcqPe5GlsPSAh2jIU9u2mzLwDyaplUMLt2pL3yn4WwMa2zu08b
AvpL+mW9RT1qOOSfGZDfgnjfufUg32aIUsdl1U+VstExVqrlCfvpubtuQOojBieD
BdCjLeM9hYhFZnTykunArfPHMJr/fuvNmVzAd82DXI01DyG7JxNwkq5Cpgx1xI2x
lU8KACm/l24GuC33Tvi5AoHACAaGj4lqrpczYyuDMFqUF0eRVsO5DkFWFfjKMI1l
ewlr69qWO9RAfF6FeKzYa3nxhN5uA+rxzy9naj7EY0wxp1hpwJQ8l/orsH0Ws0Gm
Ta0PIZKeKrzSjd/A9YBWEWUxpCpDZqY9M7Mw8GDSsPiV3qyFl0O7ywcacod/Ryyj
CS4SbsJ0fgPL2NDhWavCC8tOfheVQjjTKozu91Xbtji0yfL9PxlJrXsRZqlLANJI
czNKNP28IXxXAeTGUUGPUuF5
-----END PRIVATE KEY-----
`

const PEM_3073 = `-----BEGIN PRIVATE KEY-----
MIIG/wIBADANBgkqhkiG9w0BAQEFAASCBukwggblAgEAAoIBgQGtq2syojPZ+x9T
qhlUdtBcYGMAI5z03dCxgIzqC7RuJJFPg6Ym+mVtRtxbQVCvsrPK2LJYPGYnur6p
aBLyAsLl2NSE6hxOidEzJJCQ8Mp9ANYRR7yp5/kvEEP086LUT0Mt7aAKgd0RKBQx
SA4tiCg/legj6+MVjdnLw/T5IQihA2VVV0KB7SqtjEjkiG6L5EbggybCSyfNghY6
2zyVg8JqxqHwSWQBTXCM3sBN9GajDqoJPT7hea1n/8Zz2fuvwk3/fsj+sPyZy+mB
HGnG1p35RbTSb+Fa2qHoO6xMgdP1cxrQvocqAjyiIabFMfcUzO6ZkMaa8vRnV0OV
ay8HaNRy6LvVS/lbdDi4PXIMoyRfmzbm1TpE73LLxggruOIhuRgjH1aaw1bQ/beM
7yF6Ta8N4DP7OfTXxYGUa4V8G6yhDZQreoZflzPMqyvvZZSaqF1PggUgoXl8W2L0
db3e4DJ0NpWC9hl/z4aUn/TxbZRJoTeyKZSpWeEYniVP8qhQ4fcCAwEAAQKCAYAK
0VAHnFHV4R6uyo+MstkYGk0jycG/4H3KmkPx+I14YG9QIy5huNgo4inWGlTft44T
Q1VqJ0sjIO5/8WDYuv0RMF5ZYlOIHqwnr3n8TDOs5gJ9uOKlHHQHnU84sZGd6sj0
NRFcclyQfAPWIcxJlS3+O9X2YY/8EPA00yAtzYkcFKvOdD32a3QxnmCPcGfoGb03
FdY5+g5sfCP3I2HpGcIhUhLtq8taxQpaYZlR3R9gZ5QcW3Bj2N5myefDLu/JQwkG
Sf98maks+oasrWJpBFAK77OsB+Ff93jLtpeYL/lzfHORpNj2Y0ZW3zdfpvKPCRq1
8d1nrNepjzCqNdTdJwK9lVGKIrIqIgjLLFyf8ax88oBVoZqHKHxdc8sND5YZdG6F
nC3Gf/DBscXRolcHndvWrMwwQ7bFzOZZII7gETEAY/2RdrddAnn4Z/MM9aw77zgF
QdaXImfXpbhFJi4fMF1FQTpKu4pwqJA8R0QlR7Ooyg+k9x9s2C2bwamfNfFO1CEC
gcEBulQSug7Z06Pymvg9aF9346bMjRbMeaHTFjk0RZUOujk0duCr79a7v4JKeQDg
nXolw5lTKFrOUYsr9qA6fDzFXFGvv0KjVG0RlduRmXkgAwKALS4d4axhhWOKno6r
MCYp0R2QJM0if1V0ppjvsjE+ZSTJVIh4/NN89CSIGrNjNBlXRdU/z8eScZsP5TnR
au+LzV20rUj+U0b6nItic38/N0D9vdOuhl+cemftUdwufMBATjDVDUCToB+4uZ1O
38j5AoHBAPisdBSrK10CeLqwkmV9gDBYrzd0K449WBnI3CJMZlzBBzp2Hv3vMR1W
tiaYYs2j0B7Ma3N8onROse8VklXRxwF68hr2+0pVNJmrcyz9RDAR1+g1NHki3rSE
i7FfGK7GwVHl8XzVHginZ+r3cvO52SX+7b6aDNeVNuQX0sWf+b4ZewrWfEllqjez
acjlI3D4b//WJDyT6GEAj535XWEQMzg6PXpgm1nJJJ58OwyCDAvp5dqy3qUov1yt
/zmez4wubwKBwQEAW7+qw/atOaTe+iak+kfC0iZVUzRY/lgX1jmcZmJtvb/Rci9U
RtDzknDVJpQH0QZYEeHnTpGrIwzs2DptTM9ZzSIdqGJ/COObRfFh0JikBewBw2ug
Isc2htWNRcSjmEq+HvMu0RFAWWfNMnAhh3bRKfvhmWL9rRkLaqzTRMqnJFS3bXuZ
UeJnI2aYBOWBo6oT8U5I7DgyTb3rwsDhjYs229z0Ct5olLtdGiSqQAFVXhsm9hhU
oOuubxQhx7Ex9AkCgcEAjfHafOXL5daAVYhuuFHv9yjYM14zcojfnjBCP62+jFl+
p8c/H5IGRgn2BYfcdid4p+vltdFB5gP5m1CD7ErHPrgQNIYgoKiMUt9D6j1TS+ET
ji+4mSDnYMF7/64Zp8I6HWaU9r2r3CK6tauzyR2frwmaab8Db5dz8rUKkdYkN3fR
/Ti7TyYiCJN34b2yAk09mRqCKrX+4kfwsqrhu4MEyaas6wr0AkdHiNO+3P/qom5L
zw9k+X+N4/hKBHj7XbgvAoHBARuwxVls8ipujT0bTfYKR7LyaaKskSyAUNq319by
I5EDvpQ8sdUJeWRVeqKwqRsSITlXJ8gBOHVW+SgsV1Y8uHGlFGtZ3uetd8RzrOnU
QYMNZGTzHDEJvkuZ0fQT9JmQDhTDBenUN3M4+nDA/PyATdGmFvDgFe1ilkqdkZhU
kFqXlvInc3AWQrFsN4BT3Rq6KkQVI16AExYYVuhEW+W13JdzC018Q+HrGPMRpoPV
RCkfu2buPeLbhkzj9UtU8k8i2g==
-----END PRIVATE KEY-----
`

/** A pair as `RsaMasterKey.from` takes it. */
export interface TestPair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

/** Names of the pairs: their modulus in bits, odd ones among them, and a second one of 2048. */
export type TestModulus = '1024' | '2048' | '2048-other' | '2049' | '3072' | '3073' | '4096'

const made = new Map<TestModulus, TestPair>()

/** The same pair every time. */
export function testPair(name: TestModulus): TestPair {
  const known = made.get(name)
  if (known !== undefined) return known
  const privateKey = createPrivateKey(pemOf(name))
  const pair = { privateKey, publicKey: createPublicKey(privateKey) }
  made.set(name, pair)
  return pair
}

function pemOf(name: TestModulus): string {
  switch (name) {
    case '1024':
      return PEM_1024
    case '2049':
      return PEM_2049
    case '3072':
      return PEM_3072
    case '3073':
      return PEM_3073
    case '2048':
      return vectorPem('cos-bridge', 'bridge-rsa2048')
    case '2048-other':
      return vectorPem('cos-python-sdk', 'rsa2048-by-path-oaep')
    case '4096':
      return vectorPem('cos-python-sdk', 'rsa4096')
  }
}

function vectorPem(writer: 'cos-bridge' | 'cos-python-sdk', prefix: string): string {
  const found = objectCases(writer).find(({ name }) => name.startsWith(prefix))
  return found?.master.kind === 'rsa' ? (found.master.privateKeyPkcs8 ?? '') : ''
}
