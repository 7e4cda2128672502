//! The made-up county, built into the program so that `yinxin demo` works from anywhere.

/// What `yinxin admin import` reads: file names below `county/`, and contents.
pub const DECLARED: &[(&str, &str)] = &[
    ("README.md", include_str!("../../../config/demo/README.md")),
    (
        "departments.toml",
        include_str!("../../../config/demo/departments.toml"),
    ),
    ("systems.toml", include_str!("../../../config/demo/systems.toml")),
    ("grants.toml", include_str!("../../../config/demo/grants.toml")),
    ("accounts.toml", include_str!("../../../config/demo/accounts.toml")),
    (
        "resources/hr-social-insurance.toml",
        include_str!("../../../config/demo/resources/hr-social-insurance.toml"),
    ),
    (
        "resources/gjj-housing-fund.toml",
        include_str!("../../../config/demo/resources/gjj-housing-fund.toml"),
    ),
    (
        "resources/ga-household.toml",
        include_str!("../../../config/demo/resources/ga-household.toml"),
    ),
    (
        "resources/mz-marriage.toml",
        include_str!("../../../config/demo/resources/mz-marriage.toml"),
    ),
    (
        "resources/scjg-business.toml",
        include_str!("../../../config/demo/resources/scjg-business.toml"),
    ),
    (
        "data/marriage.csv",
        include_str!("../../../config/demo/data/marriage.csv"),
    ),
    (
        "items/shebao-canbao-dayin.toml",
        include_str!("../../../config/items/shebao-canbao-dayin.toml"),
    ),
    (
        "items/gongjijin-jiaocun-dayin.toml",
        include_str!("../../../config/items/gongjijin-jiaocun-dayin.toml"),
    ),
    (
        "items/hunyin-guanxi-gongzheng.toml",
        include_str!("../../../config/items/hunyin-guanxi-gongzheng.toml"),
    ),
    (
        "items/hunyin-dengji-heyan.toml",
        include_str!("../../../config/items/hunyin-dengji-heyan.toml"),
    ),
    (
        "items/huji-xinxi-heyan.toml",
        include_str!("../../../config/items/huji-xinxi-heyan.toml"),
    ),
    (
        "items/qiye-dengji-heyan.toml",
        include_str!("../../../config/items/qiye-dengji-heyan.toml"),
    ),
];

/// A database that a department keeps: file name, table, rows as CSV.
pub const DATABASES: &[(&str, &str, &str)] = &[
    (
        "social-insurance.sqlite",
        "social_insurance",
        include_str!("../../../config/demo/data/social-insurance.csv"),
    ),
    (
        "business.sqlite",
        "business",
        include_str!("../../../config/demo/data/business.csv"),
    ),
];

/// A service that a department runs: its name, the port that its resource's file names, rows as CSV.
pub const SERVICES: &[(&str, u16, &str)] = &[
    (
        "housing-fund",
        8446,
        include_str!("../../../config/demo/data/housing-fund.csv"),
    ),
    (
        "household",
        8447,
        include_str!("../../../config/demo/data/household.csv"),
    ),
];

/// The demo's systems: the names of their files in `pki/`, as `systems.toml` has them, with the department's name.
pub const SYSTEMS: &[(&str, &str)] = &[
    ("hr", "莎车县人力资源和社会保障局"),
    ("housing-fund", "喀什地区住房公积金管理中心莎车县管理部"),
    ("household", "莎车县公安局"),
    ("marriage", "莎车县民政局"),
    ("business", "莎车县市场监督管理局"),
    ("window", "广州市某区政务服务中心跨省通办专窗（示例）"),
    ("notary", "示例公证处"),
    ("auditor", "莎车县数字化发展局（示例）"),
];

/// Departments that issue, with the files of their seal in `pki/` and the seal's name.
pub const SEALS: &[(&str, &str, &str, &str)] = &[
    (
        "shache-hr",
        "seal-hr",
        "社会保险业务专用章（示例）",
        "莎车县人力资源和社会保障局",
    ),
    (
        "shache-gjj",
        "seal-housing-fund",
        "住房公积金业务专用章（示例）",
        "喀什地区住房公积金管理中心莎车县管理部",
    ),
    (
        "shache-data",
        "seal-data",
        "查验报告专用章（示例）",
        "莎车县数字化发展局（示例）",
    ),
];

/// Whose seal stands on the reports of the demo's verifications.
pub const REPORTS: &str = "shache-data";

/// Portal accounts, as `accounts.toml` has them, with what each is for.
pub const ACCOUNTS: &[&str] = &["clerk", "notary", "auditor", "publisher", "approver", "admin"];
