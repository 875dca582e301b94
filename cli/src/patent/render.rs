//! `catena patent render`: a patent in another form.

use serde_json::json;

use super::{
    input,
    output::{Target, rendered, shown},
};
use crate::{args::PatentRender, failure::Failure, terminal::print};

pub(super) fn render(args: &PatentRender) -> Result<(), Failure> {
    let targets = Target::all(&args.out.out, args.out.force)?;
    let (patent, own) = input::patent(&args.file)?;
    let office = args.jurisdiction.or(own).unwrap_or_default();
    let mut written = Vec::new();
    for target in &targets {
        let notice = args.notice.as_deref();
        target.write(&rendered(&patent, target.form, office.into(), notice)?)?;
        written.push(&target.path);
    }
    if args.json {
        let object = json!({ "written": written, "jurisdiction": office });
        print(&format!("{object:#}\n"));
    } else {
        for path in written {
            sayln!("{}: written", shown(path));
        }
    }
    Ok(())
}
