//! A Java program from Maven Central, as the jars that its pom in `deploy/stores/<id>/` asks for.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use super::Programs;
use super::machine::version;
use super::search::once;
use crate::Outcome;
use crate::process::{root, succeeds};
use crate::stores::folder::{Folder, wipe};
use crate::stores::progress::Steps;

const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

/// A program of Maven Central.
pub(crate) struct Maven {
    /// The folder of its pom, and its name.
    pub(crate) id: &'static str,
    pub(crate) version: &'static str,
    /// The releases of Java that it runs on.
    pub(crate) java: &'static [u32],
}

impl Maven {
    pub(crate) fn programs(&self, folder: &Folder, steps: &Steps) -> Outcome<Programs> {
        let java = self.check_java()?;
        let home = folder.programs(&format!("{}-{}", self.id, self.version));
        once(&home, || {
            if !succeeds(Command::new("mvn").arg("--version")) {
                return Err("Maven is not there: `apt-get install maven`".to_owned());
            }
            // A repository of its own, gone afterwards: the jars are kept once.
            let repository = home.join("repository");
            let mut maven = Command::new("mvn");
            maven.args(["--batch-mode", "--strict-checksums", COPY, "-DincludeScope=runtime"]);
            maven.arg("--file").arg(root().join(format!("deploy/stores/{}/pom.xml", self.id)));
            maven.arg(format!("-DoutputDirectory={}", home.join("lib").display()));
            maven.arg(format!("-Dmaven.repo.local={}", repository.display()));
            maven.args(["-Daether.connector.connectTimeout=15000", "-Daether.connector.requestTimeout=60000"]);
            maven.arg("-Dmaven.wagon.http.connectionTimeout=15000");
            steps.run(&format!("download {} {} from Maven Central", self.id, self.version), &mut maven)?;
            wipe(&repository)
        })?;
        Ok(Programs { bin: home, lib: None, what: format!("{} {} on Java {java}", self.id, self.version) })
    }

    /// The release of the Java that it will run on.
    fn check_java(&self) -> Outcome<u32> {
        let java =
            env::var_os("JAVA_HOME").map_or_else(|| PathBuf::from("java"), |home| PathBuf::from(home).join("bin/java"));
        let wanted = self.java.iter().map(u32::to_string).collect::<Vec<_>>().join(" or ");
        let told = Command::new(java).arg("-version").output().ok();
        let told = told.map(|output| String::from_utf8_lossy(&output.stderr).into_owned()).unwrap_or_default();
        match version(&told) {
            Some((release, ..)) if self.java.contains(&release) => Ok(release),
            Some((release, ..)) => Err(format!("needs Java {wanted}, and the machine's is {release}: set JAVA_HOME")),
            None => Err(format!("needs Java {wanted}: `apt-get install default-jre-headless maven`")),
        }
    }
}
