# One role for each that works, with the policies of its jobs and nothing else.

locals {
  roles = merge(
    {
      worker  = { jobs = ["worker"], trust = coalesce(var.worker_assume_role_policy, local.trust_of_services) }
      nightly = { jobs = ["compact", "expire", "verify"], trust = coalesce(var.nightly_assume_role_policy, local.trust_of_services) }
    },
    var.analyst_assume_role_policy == null ? {} : {
      analyst = { jobs = ["query"], trust = var.analyst_assume_role_policy }
    },
    var.job == null ? {} : {
      job = { jobs = ["backfill", "compact"], trust = local.trust_of_services }
    },
  )

  trust_of_services = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Principal = { Service = "lambda.amazonaws.com" }
        Action    = ["sts:AssumeRole"]
      },
      {
        Effect    = "Allow"
        Principal = { Service = "ecs-tasks.amazonaws.com" }
        Action    = ["sts:AssumeRole"]
        Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
      },
    ]
  })

  role_policies = merge([
    for role, settings in local.roles : { for job in settings.jobs : "${role}-${job}" => { role = role, job = job } }
  ]...)
}

resource "aws_iam_role" "job" {
  for_each = local.roles

  name               = "${var.name}-${each.key}"
  assume_role_policy = each.value.trust
  tags               = var.tags
}

resource "aws_iam_role_policy" "job" {
  for_each = local.role_policies

  name   = each.value.job
  role   = aws_iam_role.job[each.value.role].id
  policy = module.policies.policies[each.value.job]
}

resource "aws_iam_role_policy" "keys" {
  for_each = length(var.kms_key_arns) == 0 ? {} : local.roles

  name = "keys"
  role = aws_iam_role.job[each.key].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "Keys"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = var.kms_key_arns
    }]
  })
}

# Of ECS itself: to fetch the image and write the log.
resource "aws_iam_role" "execution" {
  count = var.nightly == null && var.worker == null && !local.stages_on_fargate ? 0 : 1

  name               = "${var.name}-execution"
  assume_role_policy = local.trust_of_services
  tags               = var.tags
}

resource "aws_iam_role_policy_attachment" "execution" {
  count = length(aws_iam_role.execution)

  role       = aws_iam_role.execution[0].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}
