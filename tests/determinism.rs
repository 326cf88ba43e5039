//! The same inputs give the same bytes, at any thread count and in any order of files and feeds.

use crate::support::{Harness, day};

fn harness(order: &[usize]) -> Harness {
    let feed = |n: usize| {
        format!(
            "[[feed]]\nid = \"feed-{n}\"\nprovider = \"p{}.example\"\nfile = \"{n}.txt\"\nformat = \"{}\"\nmode = \"{}\"\n",
            n % 3,
            if n.is_multiple_of(2) { "plain-ip" } else { "plain-domain" },
            if n % 4 < 2 { "reset" } else { "accumulated" },
        )
    };
    let catalog: String = order.iter().map(|n| feed(*n)).collect();
    let harness = Harness::new(&catalog);
    for n in order {
        harness.download(&format!("{n}.txt"), download(*n, 0).as_bytes(), day(0));
    }
    harness
}

/// Enough lines for several blocks, many of them in more than one feed.
fn download(n: usize, first: usize) -> String {
    let line = |k: usize| match n % 2 {
        0 => format!("45.{}.{}.{}\n", 20 + n % 5, k / 250 % 250, k % 250),
        _ => format!("h{}.e{}.evil-panel-number-{}.com\n", k % 97, k % 1009, k % (30_000 + n)),
    };
    (first..60_000 + first).map(line).collect()
}

fn two_builds(order: &[usize], threads: usize) -> (Vec<u8>, Vec<u8>) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    pool.install(|| {
        let mut harness = harness(order);
        harness.build(day(0));
        for n in order {
            harness.download(&format!("{n}.txt"), download(*n, 700).as_bytes(), day(1));
        }
        let built = harness.build(day(1));
        (built.image.to_bytes(), built.state)
    })
}

#[test]
fn output_does_not_depend_on_threads_or_order() {
    let expected = two_builds(&[0, 1, 2, 3, 4, 5, 6, 7], 1);
    assert!(expected.0.len() > 1 << 20);
    for (order, threads) in
        [([0, 1, 2, 3, 4, 5, 6, 7], 2), ([7, 6, 5, 4, 3, 2, 1, 0], 2), ([3, 0, 7, 1, 5, 2, 6, 4], 8)]
    {
        assert!(two_builds(&order, threads) == expected, "order {order:?} on {threads} threads");
    }
}

#[test]
fn repeating_a_build_changes_nothing() {
    let mut harness = harness(&[0, 1, 2, 3]);
    let first = harness.build(day(0));
    let second = harness.build(day(0));
    assert!(first.image.to_bytes() == second.image.to_bytes());
    assert!(first.state == second.state);
    assert!(second.report.feeds.iter().all(|feed| feed.added == 0 && feed.removed == 0));
}
