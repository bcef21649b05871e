/**
 * Known answers of the start-up self-test, in hex: the five of RFC 8032 §7.1, and refusals made for this project
 * with the private key of {@link PROJECT_KEY}, each of which some implementation in the field accepts; and points to try a point check on.
 */
import type { PointFault } from './edwards-point.js';

/** Something signed, and whether the signature must be accepted. */
export interface KnownAnswer {
  readonly name: string;
  readonly publicKey: string;
  readonly message: string;
  readonly signature: string;
  readonly accepted: boolean;
}

const MESSAGE_1024 =
  '08b8b2b733424243760fe426a4b54908632110a66c2f6591eabd3345e3e4eb98fa6e264bf09efe12ee50f8f54e9f77b1' +
  'e355f6c50544e23fb1433ddf73be84d879de7c0046dc4996d9e773f4bc9efe5738829adb26c81b37c93a1b270b20329d' +
  '658675fc6ea534e0810a4432826bf58c941efb65d57a338bbd2e26640f89ffbc1a858efcb8550ee3a5e1998bd177e93a' +
  '7363c344fe6b199ee5d02e82d522c4feba15452f80288a821a579116ec6dad2b3b310da903401aa62100ab5d1a36553e' +
  '06203b33890cc9b832f79ef80560ccb9a39ce767967ed628c6ad573cb116dbefefd75499da96bd68a8a97b928a8bbc10' +
  '3b6621fcde2beca1231d206be6cd9ec7aff6f6c94fcd7204ed3455c68c83f4a41da4af2b74ef5c53f1d8ac70bdcb7ed1' +
  '85ce81bd84359d44254d95629e9855a94a7c1958d1f8ada5d0532ed8a5aa3fb2d17ba70eb6248e594e1a2297acbbb39d' +
  '502f1a8c6eb6f1ce22b3de1a1f40cc24554119a831a9aad6079cad88425de6bde1a9187ebb6092cf67bf2b13fd65f270' +
  '88d78b7e883c8759d2c4f5c65adb7553878ad575f9fad878e80a0c9ba63bcbcc2732e69485bbc9c90bfbd62481d9089b' +
  'eccf80cfe2df16a2cf65bd92dd597b0707e0917af48bbb75fed413d238f5555a7a569d80c3414a8d0859dc65a46128ba' +
  'b27af87a71314f318c782b23ebfe808b82b0ce26401d2e22f04d83d1255dc51addd3b75a2b1ae0784504df543af8969b' +
  'e3ea7082ff7fc9888c144da2af58429ec96031dbcad3dad9af0dcbaaaf268cb8fcffead94f3c7ca495e056a9b47acdb7' +
  '51fb73e666c6c655ade8297297d07ad1ba5e43f1bca32301651339e22904cc8c42f58c30c04aafdb038dda0847dd988d' +
  'cda6f3bfd15c4b4c4525004aa06eeff8ca61783aacec57fb3d1f92b0fe2fd1a85f6724517b65e614ad6808d6f6ee34df' +
  'f7310fdc82aebfd904b01e1dc54b2927094b2db68d6f903b68401adebf5a7e08d78ff4ef5d63653a65040cf9bfd4aca7' +
  '984a74d37145986780fc0b16ac451649de6188a7dbdf191f64b5fc5e2ab47b57f7f7276cd419c17a3ca8e1b939ae49e4' +
  '88acba6b965610b5480109c8b17b80e1b7b750dfc7598d5d5011fd2dcc5600a32ef5b52a1ecc820e308aa342721aac09' +
  '43bf6686b64b2579376504ccc493d97e6aed3fb0f9cd71a43dd497f01f17c0e2cb3797aa2a2f256656168e6c496afc5f' +
  'b93246f6b1116398a346f1a641f3b041e989f7914f90cc2c7fff357876e506b50d334ba77c225bc307ba537152f3f161' +
  '0e4eafe595f6d9d90d11faa933a15ef1369546868a7f3a45a96768d40fd9d03412c091c6315cf4fde7cb68606937380d' +
  'b2eaaa707b4c4185c32eddcdd306705e4dc1ffc872eeee475a64dfac86aba41c0618983f8741c5ef68d3a101e8a3b8ca' +
  'c60c905c15fc910840b94c00a0b9d0';

const RFC_8032 = [
  {
    name: 'RFC 8032 §7.1 TEST 1',
    publicKey: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    message: '',
    signature:
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  },
  {
    name: 'RFC 8032 §7.1 TEST 2',
    publicKey: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    message: '72',
    signature:
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  },
  {
    name: 'RFC 8032 §7.1 TEST 3',
    publicKey: 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    message: 'af82',
    signature:
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  },
  {
    name: 'RFC 8032 §7.1 TEST 1024',
    publicKey: '278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e',
    message: MESSAGE_1024,
    signature:
      '0aab4c900501b3e24d7cdf4663326a3a87df5e4843b2cbdb67cbf6e460fec350aa5371b1508f9f4528ecea23c436d94b5e8fcd4f681e30a6ac00a9704a188a03',
  },
  {
    name: 'RFC 8032 §7.1 TEST SHA(abc)',
    publicKey: 'ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf',
    message:
      'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    signature:
      'dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704',
  },
];

const PROJECT_KEY = '7e20323e8387cc92be46cc354007abef80d5634165be624bc101c80e1ebcd3ae';
/** `1764000000.AAAAAAAA.{"a":1}`, in the form of our signature base. */
const PROJECT_MESSAGE = '313736343030303030302e41414141414141412e7b2261223a317d';
const PROJECT_SIGNATURE =
  '1335028588a5fa0ac77023f06e4a11427a370af8781b23d6db10a140c0f291bae31810f1f4b3d6d6261eb7b77822674b8ca984f07d7bc7ac1f861d45f0abf906';

/** Signatures of the project's message under the project's key, all to be refused. */
const REFUSED_SIGNATURES = [
  {
    name: 'S + L',
    signature:
      '1335028588a5fa0ac77023f06e4a11427a370af8781b23d6db10a140c0f291bad0ec054e0f17e92efdbaae5a571c46608ca984f07d7bc7ac1f861d45f0abf916',
  },
  {
    name: 'R the identity',
    signature:
      '010000000000000000000000000000000000000000000000000000000000000043a82314980c51d5747647c518484de14656e764d5ee5b7360c8d17dfabfa104',
  },
  {
    name: 'R of order 8',
    signature:
      'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fab8261501ecd10750970f59991dae450eabe7c3a503f6f310d6dce3eb41922808',
  },
  {
    name: 'R not canonical',
    signature:
      'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f4fb088a106ed0c994363494ebff4ce3443aceddf5bcfb65988f45f44bf9cc100',
  },
  {
    name: 'R plus a point of order 8: only the cofactored equation holds',
    signature:
      'ce5f4ef5c38f0e3004030d9bc5a264fa9be2cf527761cc96a944a00af2ac412c26d4c4e05ea636b64597dbbdde4739e6e8f9472580a2fd5b731b38f439e56d05',
  },
  {
    name: 'R plus the point of order 2: only the cofactored equation holds',
    signature:
      'dacafd7a775a05f5388fdc0f91b5eebd85c8f50787e4dc2924ef5ebf3f0d6e45c9ddc37c3fb652691cae7c351ada8dfcf0c5ada80fa5cff2dd6b630caf18390d',
  },
  {
    name: 'R off the curve',
    signature:
      '0200000000000000000000000000000000000000000000000000000000000000b41e97dd255454eb91c76ef65c2e13be1c43fe8330ca075f11a43a578002e70a',
  },
  {
    name: '63 bytes',
    signature:
      '1335028588a5fa0ac77023f06e4a11427a370af8781b23d6db10a140c0f291bae31810f1f4b3d6d6261eb7b77822674b8ca984f07d7bc7ac1f861d45f0abf9',
  },
  {
    name: '65 bytes',
    signature:
      '1335028588a5fa0ac77023f06e4a11427a370af8781b23d6db10a140c0f291bae31810f1f4b3d6d6261eb7b77822674b8ca984f07d7bc7ac1f861d45f0abf90600',
  },
];

function byProjectKey(
  { name, signature }: { name: string; signature: string },
  accepted: boolean,
): KnownAnswer {
  return { name, publicKey: PROJECT_KEY, message: PROJECT_MESSAGE, signature, accepted };
}

/** Every answer that each engine must give behind the strict checks. */
export const KNOWN_ANSWERS: readonly KnownAnswer[] = [
  ...RFC_8032.map((vector) => ({ ...vector, accepted: true })),
  byProjectKey({ name: 'the form of our signature base', signature: PROJECT_SIGNATURE }, true),
  ...REFUSED_SIGNATURES.map((refused) => byProjectKey(refused, false)),
];

/** Keys that must be refused when they are loaded, and why. */
export const REFUSED_KEYS: readonly {
  readonly name: string;
  readonly publicKey: string;
  readonly fault: PointFault;
}[] = [
  {
    name: 'key not canonical',
    publicKey: 'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
    fault: 'non_canonical',
  },
  {
    name: 'key off the curve',
    publicKey: '0800000000000000000000000000000000000000000000000000000000000000',
    fault: 'not_on_curve',
  },
  {
    name: 'key of order 8',
    publicKey: 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
    fault: 'small_order',
  },
  {
    name: 'key of mixed order',
    publicKey: 'b131336a4914793fa9c27d5f2483975c73c65d22565ee15a20534af736f4041b',
    fault: 'mixed_order',
  },
];

/** A key that an honest generation made. */
export const SOUND_POINT = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';

/** What has to be refused: the sound point plus each point of small order, those alone, and odd encodings. */
export const UNSOUND_POINTS: readonly string[] = [
  '16a567fe7d4ef5482ab4012c369bf8c5f11e8d0c2559dcda50fde59708f8aee5',
  '40c7570f4dd54835b9131184410ed4a0cc93e7d9ad053cbc6d07a62426999582',
  'ad38a8f0b22ab7ca46ecee7bbef12b5f336c182652fac34392f859dbd9666a7d',
  '3b5b475c4b82dd1572799fc546f4c6c03e478c6654aa4c7f945b347ea32af60d',
  '5ca7ced5657291c4cb376e2929ebbb0747dee3aee81452ea424f42974f81fdba',
  '9158312a9a8d6e3b34c891d6d61444f8b8211c5117ebad15bdb0bd68b07e0245',
  'b2a4b8a3b47d22ea8d86603ab90b393fc1b87399ab55b3806ba4cb815cd509f2',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0000000000000000000000000000000000000000000000000000000000000080',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  // Negative zero, y = p and y = p + 1, and y = 2, which is not on the curve.
  '0100000000000000000000000000000000000000000000000000000000000080',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0200000000000000000000000000000000000000000000000000000000000000',
];
