//! brainpoolP512r1 and brainpoolP512t1 (RFC 5639 3.7), which no crate has: their numbers, over the same arithmetic that
//! the crates of the smaller ones are made of. For verifying alone: keys and values are public.

use elliptic_curve::{
    Curve, CurveArithmetic, PrimeCurve, PrimeCurveArithmetic,
    bigint::{Odd, U512},
    consts::U64,
    hazmat::FieldArithmetic,
    point::PointCompression,
};
use primeorder::{AffinePoint, PrimeCurveParams, ProjectivePoint, mul_backend, point_arithmetic};

use self::{field::FieldElement, scalar::Scalar};

const ORDER_HEX: &str = "aadd9db8dbe9c48b3fd4e6ae33c9fc07cb308db3b3c9d20ed6639cca70330870553e5c414ca92619418661197fac10471db1d381085ddaddb58796829ca90069";

mod field {
    use elliptic_curve::{
        bigint::U512,
        ff::PrimeField,
        ops::BatchInvert,
        subtle::{Choice, ConstantTimeEq, CtOption},
    };

    const MODULUS_HEX: &str = "aadd9db8dbe9c48b3fd4e6ae33c9fc07cb308db3b3c9d20ed6639cca703308717d4d9b009bc66842aecda12ae6a380e62881ff2f2d82c68528aa6056583a48f3";

    primefield::monty_field_params! {
        name: FieldParams,
        modulus: MODULUS_HEX,
        uint: U512,
        byte_order: primefield::ByteOrder::BigEndian,
        // No square, which is all that is asked of it here.
        multiplicative_generator: 2,
        doc: "The field of brainpoolP512"
    }

    primefield::monty_field_element! {
        name: FieldElement,
        params: FieldParams,
        uint: U512,
        doc: "An element of the field of brainpoolP512"
    }

    primefield::monty_field_arithmetic! {
        name: FieldElement,
        params: FieldParams,
        uint: U512
    }

    impl BatchInvert for FieldElement {}
}

mod scalar {
    use elliptic_curve::{
        bigint::U512,
        ff::PrimeField,
        scalar::{FromUintUnchecked, IsHigh},
        subtle::{Choice, ConstantTimeEq, ConstantTimeGreater, CtOption},
    };
    use primeorder::wnaf;

    use super::{BrainpoolP512r1, BrainpoolP512t1, ORDER, ORDER_HEX};

    primefield::monty_field_params! {
        name: ScalarParams,
        modulus: ORDER_HEX,
        uint: U512,
        byte_order: primefield::ByteOrder::BigEndian,
        // No square, as above.
        multiplicative_generator: 7,
        doc: "The numbers modulo the order of brainpoolP512"
    }

    primefield::monty_field_element! {
        name: Scalar,
        params: ScalarParams,
        uint: U512,
        doc: "A number modulo the order of brainpoolP512"
    }

    primefield::monty_field_arithmetic! {
        name: Scalar,
        params: ScalarParams,
        uint: U512
    }

    primefield::monty_field_reduce! {
        name: Scalar,
        params: ScalarParams,
        uint: U512,
    }

    elliptic_curve::scalar_impls!(BrainpoolP512r1, Scalar);
    elliptic_curve::scalar_impls!(BrainpoolP512t1, Scalar);

    wnaf::impl_wnaf_size_for_scalar!(Scalar);

    impl AsRef<Scalar> for Scalar {
        fn as_ref(&self) -> &Scalar {
            self
        }
    }

    impl FromUintUnchecked for Scalar {
        type Uint = U512;

        fn from_uint_unchecked(uint: Self::Uint) -> Self {
            Self::from_uint_unchecked(uint)
        }
    }

    impl IsHigh for Scalar {
        fn is_high(&self) -> Choice {
            const HALF: U512 = ORDER.as_ref().shr_vartime(1);
            self.to_canonical().ct_gt(&HALF)
        }
    }
}

const ORDER: Odd<U512> = Odd::<U512>::from_be_hex(ORDER_HEX);

macro_rules! curve {
    ($name:ident, $equation:ident, $a:expr, $b:literal, $x:literal, $y:literal) => {
        #[derive(Copy, Clone, Debug, Default, Eq, PartialEq, PartialOrd, Ord)]
        pub struct $name;

        impl Curve for $name {
            type FieldBytesSize = U64;
            type Uint = U512;
            const ORDER: Odd<U512> = ORDER;
        }

        impl PrimeCurve for $name {}

        impl PointCompression for $name {
            const COMPRESS_POINTS: bool = false;
        }

        impl CurveArithmetic for $name {
            type AffinePoint = AffinePoint<Self>;
            type ProjectivePoint = ProjectivePoint<Self>;
            type Scalar = Scalar;
        }

        impl FieldArithmetic for $name {
            type FieldElement = FieldElement;
        }

        impl PrimeCurveArithmetic for $name {
            type CurveGroup = ProjectivePoint<Self>;
        }

        impl PrimeCurveParams for $name {
            type PointArithmetic = point_arithmetic::$equation;
            type Backend = mul_backend::VariableOnly;

            const EQUATION_A: FieldElement = $a;
            const EQUATION_B: FieldElement = FieldElement::from_hex_vartime($b);
            const GENERATOR: (FieldElement, FieldElement) = (
                FieldElement::from_hex_vartime($x),
                FieldElement::from_hex_vartime($y),
            );
        }

        impl ecdsa::EcdsaCurve for $name {
            const NORMALIZE_S: bool = false;
        }
    };
}

curve!(
    BrainpoolP512r1,
    EquationAIsGeneric,
    FieldElement::from_hex_vartime(
        "7830a3318b603b89e2327145ac234cc594cbdd8d3df91610a83441caea9863bc2ded5d5aa8253aa10a2ef1c98b9ac8b57f1117a72bf2c7b9e7c1ac4d77fc94ca"
    ),
    "3df91610a83441caea9863bc2ded5d5aa8253aa10a2ef1c98b9ac8b57f1117a72bf2c7b9e7c1ac4d77fc94cadc083e67984050b75ebae5dd2809bd638016f723",
    "81aee4bdd82ed9645a21322e9c4c6a9385ed9f70b5d916c1b43b62eef4d0098eff3b1f78e2d0d48d50d1687b93b97d5f7c6d5047406a5e688b352209bcb9f822",
    "7dde385d566332ecc0eabfa9cf7822fdf209f70024a57b1aa000c55b881f8111b2dcde494a5f485e5bca4bd88a2763aed1ca2b2fa8f0540678cd1e0f3ad80892"
);

curve!(
    BrainpoolP512t1,
    EquationAIsMinusThree,
    FieldElement::from_u64(3).neg(),
    "7cbbbcf9441cfab76e1890e46884eae321f70c0bcb4981527897504bec3e36a62bcdfa2304976540f6450085f2dae145c22553b465763689180ea2571867423e",
    "640ece5c12788717b9c1ba06cbc2a6feba85842458c56dde9db1758d39c0313d82ba51735cdb3ea499aa77a7d6943a64f7a3f25fe26f06b51baa2696fa9035da",
    "5b534bd595f5af0fa2c892376c84ace1bb4e3019b71634c01131159cae03cee9d9932184beef216bd71df2dadf86a627306ecff96dbb8bace198b61e00f8b332"
);
